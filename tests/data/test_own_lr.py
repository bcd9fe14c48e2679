import numpy as np
import pytest
from PIL import Image

from srkit import InputError, data
from srkit.image import crop_to_multiple, downscale, list_images, read_image, write_image


@pytest.fixture
def small(photos, tmp_path):
    """LR at x4 of each photograph, inverted so that it cannot have been made from HR, under customary names."""
    folder = tmp_path / "small"
    for index, path in enumerate(list_images(photos)):
        lr = 255 - downscale(np.ascontiguousarray(crop_to_multiple(read_image(path), 4)), 4)
        behind = ("", "x4", "_x4")[index % 3]
        write_image(folder / path.relative_to(photos).parent / f"{path.stem}{behind}.png", lr)
    return folder


def test_lr_made_elsewhere_is_used(photos, small, store):
    train, valid = data.folder(photos, lr=small, cache_dir=store)
    assert len(train) == 6 and len(valid) == 2
    for pairs in (train, valid):
        for lr, hr in pairs.pairs():
            np.testing.assert_array_equal(lr, 255 - downscale(hr, 4))
    for lr, hr in zip(*train.batch(0, batch_size=4, patch_size=96)):
        error = np.abs(255 - downscale(hr, 4).astype(int) - lr)[2:-2, 2:-2]
        assert error.max() <= 1  # aligned: inside, it does not depend on where the photograph was cut
    assert train.fingerprint != data.folder(photos, cache_dir=store)[0].fingerprint


def test_changed_lr_is_noticed(photos, small, store):
    before = data.folder(photos, lr=small, cache_dir=store)[0].fingerprint
    path = small / "ax4.png"
    write_image(path, np.roll(read_image(path), 1, axis=0))
    assert data.folder(photos, lr=small, cache_dir=store)[0].fingerprint != before


def test_lr_may_lie_below_hr(photos, small, store):
    small.rename(photos / "small")
    train, valid = data.folder(photos, lr=photos / "small", cache_dir=store)
    assert len(train) + len(valid) == 8 and not any("small" in name for name in train.names)


def test_lr_of_a_folder_that_is_split(tmp_path, cat, store):
    for index, name in enumerate(("train/train0", "train/train1", "valid/valid0")):
        hr = np.ascontiguousarray(cat[40 * index : 40 * index + 120, :120])
        write_image(tmp_path / "hr" / f"{name}.png", hr)
        write_image(tmp_path / "lr" / f"{name.split('/')[1]}x2.png", downscale(hr, 2))
    train, valid = data.load(tmp_path / "hr", lr=tmp_path / "lr", scale=2, cache_dir=store)
    assert sorted(train.names) == ["train/train0.png", "train/train1.png"] and valid.names == ["valid/valid0.png"]


def test_sizes_are_checked(photos, small, store):
    path = small / "ax4.png"
    Image.open(path).crop((0, 0, 20, 20)).save(path)
    with pytest.warns(UserWarning, match=r"a.png \(its LR has 20x20 px; expected at x4: 37x50 px\)"):
        train, valid = data.folder(photos, lr=small, cache_dir=store)
    assert len(train) + len(valid) == 7
    for path in list_images(small):
        Image.open(path).crop((0, 0, 20, 20)).save(path)
    with pytest.warns(UserWarning), pytest.raises(InputError, match=r"None of .* expected at x4: 3.x5. px"):
        data.folder(photos, lr=small, cache_dir=store)


def test_damaged_lr_is_said(photos, small, store):
    path = small / "ax4.png"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.warns(UserWarning, match=r"a.png \(its LR cannot be read"):
        data.folder(photos, lr=small, cache_dir=store)


def test_what_does_not_fit_together_is_refused(photos, small, store):
    with pytest.raises(InputError, match="leave degradation and halve_jpeg out"):
        data.folder(photos, lr=small, degradation="jpeg75", cache_dir=store)
    with pytest.raises(InputError, match="no LR images of its own"):
        data.load("samples", lr=small, cache_dir=store)
    (small / "ax4.png").unlink()
    with pytest.raises(InputError, match=r"1 of 8 HR images have no LR .*: a.png. Expected names like a.png or ax4"):
        data.folder(photos, lr=small, cache_dir=store)
