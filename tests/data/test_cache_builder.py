import json
import os
import shutil
import subprocess
import sys
import time

import filelock
import numpy as np
import pytest
from PIL import Image

from srkit import InputError, data
from srkit.data import partial_cache, preparation
from srkit.image import crop_to_multiple, downscale, read_image


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


BUILD = """
import sys, time
from srkit.data import cache_builder, partial_cache, preparation
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
    read = preparation.read_image
    monkeypatch.setattr(preparation, "read_image", lambda source: (prepared.append(1), read(source))[1])
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
    monkeypatch.setattr(
        partial_cache.json, "dumps", lambda value, **k: fail() if "digest" in value else dumps(value, **k)
    )
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


def test_clear_works_while_pairs_are_in_use(photos, store):
    """Their pixels stay readable; where files in use cannot be renamed, as on Windows, the cache is left as it is."""
    train, _ = data.folder(photos, cache_dir=store)
    expected = train[0]
    assert data.clear(store) > 0
    for image, other in zip(train[0], expected):
        np.testing.assert_array_equal(image, other)


def test_clear_leaves_what_the_system_does_not_let_go(photos, store, monkeypatch):
    data.folder(photos, cache_dir=store)
    data.folder(photos, scale=2, cache_dir=store)

    def refuse(source, target):
        if "-x4-" in str(source):
            raise PermissionError(13, "The process cannot access the file because it is being used by another process")
        rename(source, target)

    rename = os.replace
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.warns(UserWarning, match=r"1 cache\(s\) in .* are in use .*-x4-bicubic-"):
        assert data.clear(store) > 0
    monkeypatch.undo()
    assert len(list(store.glob("*-x2-*"))) == 0
    monkeypatch.setattr(preparation, "read_image", lambda source: pytest.fail("built anew"))
    assert len(data.folder(photos, cache_dir=store)[0]) == 6


def test_clear_finishes_a_deletion_that_was_cut_short(photos, store, monkeypatch):
    data.folder(photos, cache_dir=store)

    def interrupt(path, ignore_errors=False):
        if not ignore_errors:
            raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.clear(store)
    monkeypatch.undo()
    assert list(store.glob("*.deleted"))
    data.clear(store)
    assert not list(store.iterdir())


@pytest.mark.parametrize(
    "error, message",
    [
        (
            OSError(30, "Read-only file system"),
            r"cannot be written to .* \(Read-only.*cache_dir",
        ),
        (NotImplementedError("no flock"), "file system without locks.*local disk"),
    ],
)
def test_folder_that_cannot_be_used_for_caches_is_said(photos, store, monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    with pytest.raises(InputError, match=message):
        data.folder(photos, cache_dir=store)
