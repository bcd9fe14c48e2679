import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit import InputError, data
from srkit.image import downscale


def test_folder_gives_aligned_pairs_that_never_share_a_photograph(photos, store):
    train, valid = data.folder(photos, cache_dir=store)
    assert len(train) == 6 and len(valid) == 2
    assert not set(train.names) & set(valid.names)
    for part in (train, valid):
        for lr, hr in part.pairs():
            assert hr.shape == (lr.shape[0] * 4, lr.shape[1] * 4, 3)
            np.testing.assert_array_equal(lr, downscale(hr, 4))


def test_folder_that_is_split_already_stays_so(photos, store):
    for part in ("train", "valid"):
        (photos / part).mkdir()
    (photos / "a.png").rename(photos / "valid" / "a.png")
    for name in ("B.JPG", "h.png", "nested"):
        (photos / name).rename(photos / "train" / name)
    train, valid = data.folder(photos, cache_dir=store)
    assert valid.names == ["valid/a.png"]
    assert set(train.names) == {"train/B.JPG", "train/h.png", "train/nested/é.png", "train/nested/deep/e.bmp"}


@pytest.mark.parametrize("scale", [2, 3, 8])
def test_every_scale(photos, store, scale):
    train, _ = data.folder(photos, num_images=3, scale=scale, cache_dir=store)
    lr, hr = train[0]
    np.testing.assert_array_equal(lr, downscale(hr, scale))


def test_more_images_never_move_one_from_valid_to_train(photos, store):
    parts = [data.folder(photos, num_images=count, cache_dir=store) for count in (3, 5, None)]
    for _, valid in parts:
        assert not any(set(valid.names) & set(train.names) for train, _ in parts)


@pytest.mark.parametrize("content", ["nothing", "text", "tiny", "one"])
def test_folder_without_enough_photographs_is_an_error_that_says_so(tmp_path, store, cat, content):
    folder = tmp_path / "photos"
    folder.mkdir()
    if content == "text":
        (folder / "a.jpg").write_text("no image")
    elif content in ("tiny", "one"):
        Image.fromarray(cat[:20, :20] if content == "tiny" else cat).save(folder / "a.png")
    expected = {"nothing": "no photograph", "text": "None of", "tiny": "None of", "one": "at least 2"}
    with pytest.raises(InputError, match=expected[content]):
        if content in ("text", "tiny"):
            with pytest.warns(UserWarning):
                data.folder(folder, cache_dir=store)
        else:
            data.folder(folder, cache_dir=store)


def test_missing_folder_and_unknown_settings_are_errors(tmp_path, photos, store):
    with pytest.raises(InputError, match="no folder"):
        data.folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="samples, stanford_dogs, div2k"):
        data.load("cats")
    with pytest.raises(InputError, match="scale 5"):
        data.folder(photos, scale=5, cache_dir=store)
    with pytest.raises(InputError, match="degradation"):
        data.folder(photos, degradation="area", cache_dir=store)


def test_samples_are_there_at_once_and_validate_on_others(tmp_path):
    train, valid = data.samples(cache_dir=tmp_path)
    assert len(train) >= 8 and len(valid) == 3
    assert not set(train.names) & set(valid.names)


@pytest.fixture
def dogs(tmp_path, cat, monkeypatch) -> Path:
    """A data folder with the official layout of Stanford Dogs, two breeds."""
    folder = tmp_path / "data" / "dogs" / "Images"
    for index in range(6):
        path = folder / f"n0208562{index % 2}-breed_{index % 2}" / f"n02085620_{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.roll(cat, 50 * index, axis=1)).save(path)
    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("srkit.data.sources.download", lambda *_: pytest.fail("touched the network"))
    return folder


def test_official_dogs_are_used_where_they_are(dogs, store):
    train, valid = data.stanford_dogs(num_images=5, seed=3, cache_dir=store)
    assert len(train) == 4 and len(valid) == 1
    assert all(name.startswith("n0208562") and "/" in name for name in train.names)  # the breed is kept
    assert data.stanford_dogs(num_images=5, seed=4, cache_dir=store)[0].fingerprint != train.fingerprint


def test_official_tar_gives_the_same_photographs(dogs, store):
    names = sorted(name for part in data.stanford_dogs(cache_dir=store) for name in part.names)
    with tarfile.open(dogs.parent / "images.tar", "w") as archive:
        archive.add(dogs, "Images")
    dogs.rename(dogs.with_name("elsewhere"))
    train, valid = data.stanford_dogs(cache_dir=store)
    assert sorted(train.names + valid.names) == names
    (dogs.parent / "images.tar").write_bytes((dogs.parent / "images.tar").read_bytes()[:1000])
    with pytest.raises(InputError, match=r"images\.tar"):
        data.stanford_dogs(cache_dir=store)


def test_div2k_uses_an_existing_folder(tmp_path, cat, store, monkeypatch):
    for name, count in (("DIV2K_train_HR", 4), ("DIV2K_valid_HR", 2)):
        for index in range(count):
            path = tmp_path / name / f"{index:04}.png"
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(np.roll(cat, 10 * index + (name == "DIV2K_valid_HR"), axis=1)).save(path)
    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path))
    train, valid = data.div2k(cache_dir=store)
    assert (len(train), len(valid)) == (4, 2)
    assert sorted(valid.names) == ["DIV2K_valid_HR/0000.png", "DIV2K_valid_HR/0001.png"]


def test_no_network_is_one_clear_line(tmp_path, monkeypatch):
    import requests

    def refuse(*_, **__):
        raise requests.ConnectionError("no route")

    monkeypatch.setattr(requests, "head", refuse)
    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match=r"could not be downloaded \(ConnectionError: no route\).*samples"):
        data.stanford_dogs()


def test_source_may_be_a_folder_below_the_data_folder(dogs, store):
    train, valid = data.load("dogs", cache_dir=store)
    assert len(train) + len(valid) == 6
