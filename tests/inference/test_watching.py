import numpy as np
import pytest
from PIL import Image

from srkit import InputError, models
from srkit.image import read_image
from srkit.inference import UpscaleOptions, watch_folders, watching


@pytest.fixture(scope="module")
def model():
    return models.edsr(2, filters=4, num_blocks=1)


@pytest.fixture
def scans(tmp_path, cat, monkeypatch):
    """A folder with one photograph, and no need to wait long."""
    monkeypatch.setattr(watching, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(watching, "_STILL_SECONDS", 0.05)
    folder = tmp_path / "my scans"
    folder.mkdir()
    Image.fromarray(cat[:40, :60]).save(folder / "b.jpg")
    return folder


def test_photographs_that_appear_are_taken_once(scans, model):
    watch = watch_folders([scans], None, model)
    assert next(watch).done == [scans / "b_x2.jpg"]
    (scans / "new").mkdir()
    for name in ("a.gif", "new/c.png", "d.jpg"):
        Image.open(scans / "b.jpg").save(scans / name)
        (written,) = next(watch).done
        assert written.stem.startswith((scans / name).stem + "_x2")
        assert read_image(written).shape == (80, 120, 3)
    (scans / "b.jpg").unlink()  # its result stays a result
    again = watch_folders([scans], None, model)
    assert [next(again).skipped for _ in range(3)] == [[scans / name] for name in ("a.gif", "d.jpg", "new/c.png")]
    Image.open(scans / "d.jpg").save(scans / "z.jpg")
    assert next(again).done == [scans / "z_x2.jpg"]


def test_results_by_a_pattern_are_not_taken(scans, model):
    watch = watch_folders([scans], str(scans / "large of {stem}.{ext}"), model)
    assert next(watch).done == [scans / "large of b.jpg"]
    (scans / "b.jpg").unlink()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(scans / "z.png")
    assert next(watch).done == [scans / "large of z.png"]


@pytest.mark.parametrize("missing", [b"", bytes(400)])
def test_a_file_is_taken_when_it_is_whole(scans, model, missing, monkeypatch):
    content = (scans / "b.jpg").read_bytes()
    (scans / "a.jpg").write_bytes(content[:-400] + missing)  # still on its way
    watch = watch_folders([scans], None, model)
    assert next(watch).done == [scans / "b_x2.jpg"]
    (scans / "a.jpg").write_bytes(content)
    assert next(watch).done == [scans / "a_x2.jpg"]


def test_a_bad_file_does_not_stop_it(scans, model, monkeypatch):
    monkeypatch.setattr(watching, "_LONG_STILL_SECONDS", 0.2)
    (scans / "a.jpg").write_text("a text")
    watch = watch_folders([scans], None, model)
    assert next(watch).done == [scans / "b_x2.jpg"]
    (reason,) = next(watch).failed.values()
    assert "a.jpg is not an image" in reason
    (scans / "a.jpg").write_bytes((scans / "b.jpg").read_bytes())
    assert next(watch).done == [scans / "a_x2.jpg"]


def test_a_folder_that_cannot_be_reached_is_waited_for(scans, model, monkeypatch):
    away, polls = scans.with_name("away"), []

    def sleep(_):
        polls.append(1)
        if len(polls) == 2:
            away.rename(scans)

    watch = watch_folders([scans], None, model)
    next(watch)
    Image.open(scans / "b.jpg").save(scans / "z.jpg")
    scans.rename(away)
    monkeypatch.setattr(watching.time, "sleep", sleep)
    with pytest.warns(UserWarning, match="cannot be reached"):
        assert next(watch).done == [scans / "z_x2.jpg"]


def test_what_cannot_be_watched_is_refused(scans, model):
    for folder, output, existing, message in (
        (scans / "b.jpg", None, "skip", "no folder"),
        (scans, scans, "skip", "choose another -o"),
        (scans, None, "overwrite", "existing must be 'skip'"),
    ):
        with pytest.raises(InputError, match=message):
            next(watch_folders([folder], output, model, UpscaleOptions(existing=existing)))
