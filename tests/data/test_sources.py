import json
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srkit import InputError, data
from srkit.data import cache
from srkit.image import crop_to_multiple, downscale, read_image


@pytest.fixture
def photos(cat, tmp_path) -> Path:
    """A folder of eight different photographs: nested, several formats, odd names, two sizes."""
    folder = tmp_path / "my photos"
    names = ["a.png", "B.JPG", "c d.webp", "nested/é.png", "nested/deep/e.bmp", "f.jpeg", "g.tiff", "h.png"]
    for index, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        crop = np.roll(cat, 37 * index, axis=1)[: 201 + 20 * (index % 2), : 150 + index]
        Image.fromarray(crop).save(path)
    return folder


@pytest.fixture
def store(tmp_path) -> Path:
    return tmp_path / "cache"


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


def test_second_call_reads_and_changed_settings_build(photos, store):
    data.folder(photos, cache_dir=store)
    before = {path: path.stat().st_mtime_ns for path in store.rglob("*.bin")}
    data.folder(photos, cache_dir=store)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*.bin")} == before
    identities = {
        data.folder(photos, cache_dir=store, **setting)[0].fingerprint
        for setting in (
            {},
            {"num_images": 4},
            {"seed": 1},
            {"scale": 2},
            {"degradation": "opencv"},
            {"degradation": "jpeg75"},
        )
    }
    assert len(identities) == 6


def test_more_images_never_move_one_from_valid_to_train(photos, store):
    parts = [data.folder(photos, num_images=count, cache_dir=store) for count in (3, 5, None)]
    for _, valid in parts:
        assert not any(set(valid.names) & set(train.names) for train, _ in parts)


def test_same_photographs_elsewhere_are_the_same_data(photos, store, tmp_path):
    shutil.copytree(photos, tmp_path / "moved", copy_function=shutil.copyfile)  # with other times
    identities = [part.fingerprint for part in data.folder(photos, cache_dir=store)]
    assert [part.fingerprint for part in data.folder(tmp_path / "moved", cache_dir=store)] == identities


def test_changed_photograph_is_noticed(photos, store, cat):
    old = data.folder(photos, cache_dir=store)[0].fingerprint
    Image.fromarray(cat[:200, :200]).save(photos / "a.png")
    assert data.folder(photos, cache_dir=store)[0].fingerprint != old


def test_jpeg_is_halved_and_nothing_else(tmp_path, store, cat):
    Image.fromarray(cat).save(tmp_path / "a.png")
    Image.fromarray(cat[:, ::-1]).save(tmp_path / "b.JPG", "JPEG", quality=40)
    decoded = read_image(tmp_path / "b.JPG")
    parts = data.folder(tmp_path, scale=2, halve_jpeg=True, cache_dir=store)
    found = {name: part[index] for part in parts for index, name in enumerate(part.names)}
    assert np.array_equal(found["a.png"][1], crop_to_multiple(cat, 2))
    halved = crop_to_multiple(downscale(crop_to_multiple(decoded, 2), 2), 2)
    assert np.array_equal(found["b.JPG"][1], halved)
    assert np.array_equal(found["b.JPG"][0], downscale(halved, 2))
    assert parts[0].fingerprint != data.folder(tmp_path, scale=2, cache_dir=store)[0].fingerprint


def test_unusable_photographs_are_named_in_one_warning(photos, store, cat):
    (photos / "list.jpg").write_text("milk, eggs")
    Image.fromarray(cat[:20, :20]).save(photos / "tiny.png")
    (photos / "copy.png").write_bytes((photos / "a.png").read_bytes())
    with pytest.warns(UserWarning, match="left out") as warnings:
        train, valid = data.folder(photos, cache_dir=store)
    text = str(warnings[0].message)
    assert len(warnings) == 1
    assert "list.jpg (cannot be read" in text and "tiny.png (20x20 px" in text and "a copy of" in text
    assert len(train) + len(valid) == 8


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


BUILD = """
import sys, time
from srkit.data import cache
from srkit import data
from srkit.image import degradation
slow = degradation.downscale
degradation.downscale = lambda *a: (time.sleep(0.2), slow(*a))[1]
data.folder(sys.argv[1], cache_dir=sys.argv[2])
"""


def test_killed_build_goes_on_and_ends_the_same(photos, tmp_path, monkeypatch):
    expected = [hr for part in data.folder(photos, cache_dir=tmp_path / "whole") for _, hr in part.pairs()]
    store = tmp_path / "killed"
    child = subprocess.Popen([sys.executable, "-c", BUILD, photos, store])
    while not any(len(path.read_bytes().splitlines()) >= 2 for path in store.glob("*.partial/journal.jsonl")):
        assert child.poll() is None
        time.sleep(0.01)
    child.kill()
    child.wait()
    partial = next(store.glob("*.partial"))
    done = len((partial / "journal.jsonl").read_bytes().splitlines())
    with open(partial / "journal.jsonl", "ab") as journal, open(partial / "hr.bin", "ab") as pixels:
        journal.write(b'{"name": "torn')
        pixels.write(b"half a photograph")

    prepared = []
    read = cache.read_image
    monkeypatch.setattr(cache, "read_image", lambda source: (prepared.append(1), read(source))[1])
    result = [hr for part in data.folder(photos, cache_dir=store) for _, hr in part.pairs()]
    assert len(prepared) == 8 - done
    assert all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True))
    assert not list(store.glob("*.partial"))


def test_two_processes_at_once_do_not_harm_each_other(photos, store, tmp_path):
    expected = [hr for part in data.folder(photos, cache_dir=tmp_path / "alone") for _, hr in part.pairs()]
    children = [subprocess.Popen([sys.executable, "-c", BUILD, photos, store]) for _ in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert len(list(store.glob("*/index.json"))) == 1
    result = [hr for part in data.folder(photos, cache_dir=store) for _, hr in part.pairs()]
    assert all(np.array_equal(a, b) for a, b in zip(result, expected, strict=True))


def test_full_disk_is_said_and_what_is_done_is_kept(photos, store, monkeypatch):
    def fail():
        raise OSError(28, "No space left on device")

    dumps = json.dumps
    monkeypatch.setattr(cache.json, "dumps", lambda value, **k: fail() if "digest" in value else dumps(value, **k))
    with pytest.raises(InputError, match="disk is full"):
        data.folder(photos, cache_dir=store)
    monkeypatch.undo()
    assert len(data.folder(photos, cache_dir=store)[0]) == 6


def test_clear_gives_the_space_back_and_touches_nothing_else(photos, store):
    data.folder(photos, cache_dir=store)
    (store / "mine.txt").write_text("keep")
    size = sum(path.stat().st_size for path in store.rglob("*.bin"))
    assert data.clear(store) >= size
    assert [path.name for path in store.iterdir()] == ["mine.txt"]


def test_deletion_that_was_cut_short_can_be_built_again(photos, store):
    data.folder(photos, cache_dir=store)
    (index,) = store.glob("*/index.json")
    index.unlink()
    train, valid = data.folder(photos, cache_dir=store)
    assert len(train) + len(valid) == 8


def test_batch_is_a_pure_function_of_seed_and_step(samples):
    train, _ = samples
    first = train.batch(3, batch_size=4, patch_size=48, seed=1)
    for array, again in zip(first, train.batch(3, batch_size=4, patch_size=48, seed=1)):
        np.testing.assert_array_equal(array, again)
    assert not np.array_equal(first[1], train.batch(4, 4, 48, 1)[1])
    assert not np.array_equal(first[1], train.batch(3, 4, 48, 2)[1])


def test_crops_are_aligned_pieces_of_their_photographs(samples):
    """LR crops are found in the photographs' LR images, and HR crops at the same place in HR, turned alike."""
    train, _ = samples
    whole = list(train.pairs())
    for lr, hr in zip(*train.batch(0, batch_size=6, patch_size=96)):
        assert any(_is_found(lr, hr, *pair) for pair in whole)


def _is_found(lr, hr, whole_lr, whole_hr) -> bool:
    for turns in range(4):
        for flip in (False, True):
            small, large = (np.rot90(image[:, ::-1] if flip else image, turns) for image in (lr, hr))
            windows = np.lib.stride_tricks.sliding_window_view(whole_lr, small.shape[:2], axis=(0, 1))
            equal = (windows == small.transpose(2, 0, 1)).all(axis=(2, 3, 4))
            for top, left in np.argwhere(equal):
                rows, columns = slice(top * 4, top * 4 + 96), slice(left * 4, left * 4 + 96)
                if np.array_equal(whole_hr[rows, columns], large):
                    return True
    return False


def test_every_photograph_comes_once_an_epoch_in_another_order(photos, store, monkeypatch):
    train, _ = data.folder(photos, cache_dir=store)
    used = []
    pair = train._cache.pair
    monkeypatch.setattr(train._cache, "pair", lambda index: (used.append(index), pair(index))[1])
    for step in range(4):
        train.batch(step, batch_size=3, patch_size=48)
    epochs = [used[:6], used[6:]]
    assert all(sorted(epoch) == sorted(train._indices) for epoch in epochs)
    assert epochs[0] != epochs[1]


def test_pipeline_gives_the_same_batches_from_any_start(samples):
    train, _ = samples
    options = {"batch_size": 2, "patch_size": 48, "seed": 5}
    elements = list(train.batches(**options, start=2, stop=4))
    assert len(elements) == 2
    for step, (lr, hr) in enumerate(elements, start=2):
        expected = train.batch(step, **options)
        np.testing.assert_array_equal(lr, expected[0])
        np.testing.assert_array_equal(hr, expected[1])
        assert lr.dtype == hr.dtype == "float32" and hr.shape == (2, 48, 48, 3)


@pytest.mark.parametrize("patch_size, message", [(50, "multiple"), (4000, "min_size")])
def test_crops_that_do_not_fit_are_refused(samples, patch_size, message):
    with pytest.raises(InputError, match=message):
        samples[0].batch(0, patch_size=patch_size)


def test_take_is_the_beginning(samples):
    train, _ = samples
    assert train.take(2).names == train.names[:2]
    assert train.take(2).fingerprint != train.fingerprint
    with pytest.raises(InputError, match="At least 1"):
        train.take(0)


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
    monkeypatch.setattr("srkit.data.sources._download", lambda *_: pytest.fail("touched the network"))
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
