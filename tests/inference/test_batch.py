import contextlib
import io
import itertools
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from srkit import InputError, models
from srkit.image import read_image, read_photo, write_photo
from srkit.inference import UpscaleOptions, upscale_files
from srkit.inference import batch as batches

# Writes its result as soon as the other process has computed its own, too; once in each way with existing files.
RACE = """
import sys, time
from pathlib import Path
from srkit import models
from srkit.inference import UpscaleOptions, batch, upscale_files
folder, name = Path(sys.argv[1]), sys.argv[2]
write = batch.write_photo
def write_with_the_other(path, *arguments):
    existing = path.parent.name
    (folder / f"{name}-{existing}").touch()
    while len(list(folder.glob(f"*-{existing}"))) < 2:
        time.sleep(0.01)
    return write(path, *arguments)
batch.upscale_photo, batch.write_photo = lambda photo, *_: photo, write_with_the_other
model = models.edsr(2, filters=4, num_blocks=1)
for existing in ("refuse", "skip"):
    out = folder / existing / "a.png"
    print(upscale_files([folder / f"{name}.png"], out, model, UpscaleOptions(existing=existing)))
"""
MUTATIONS = int(os.environ.get("SRKIT_FUZZ", "120"))  # SRKIT_FUZZ=2000 for the long run


@pytest.fixture(scope="module")
def model():
    return models.edsr(2, filters=4, num_blocks=1)


@pytest.fixture
def photos(tmp_path, cat):
    folder = tmp_path / "photos"
    for name in ("a.png", "1999/b.jpg", "1999/c.webp"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cat[:20, :30]).save(path)
    return folder


def names(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_pattern_names_the_results(photos, model, tmp_path):
    upscale_files([photos], tmp_path / "out" / "{dir}" / "{stem}-{size}{stem}.{ext}", model)
    assert names(tmp_path / "out") == ["1999/b-x2b.jpg", "1999/c-x2c.webp", "a-x2a.png"]
    summary = upscale_files([photos / "a.png"], "{parent}/large {x}/{stem}.webp", model)
    assert summary.done == [photos / "large {x}" / "a.webp"]


def test_patterns_of_inputs_are_expanded(photos, model, tmp_path, monkeypatch):
    if sys.platform != "win32":
        (photos / "1999" / "circle").symlink_to(photos, target_is_directory=True)
    (photos / "odd[1].png").write_bytes((photos / "a.png").read_bytes())
    upscale_files([photos / "**" / "*.[jw]*", photos / "odd[1].png"], tmp_path / "out", model)
    assert names(tmp_path / "out") == ["b.jpg", "c.webp", "odd[1].png"]
    monkeypatch.chdir(photos)
    assert upscale_files(["*.png"], tmp_path / "out2", model).failed == {}
    assert names(tmp_path / "out2") == ["a.png", "odd[1].png"]
    with pytest.raises(InputError, match="matches"):
        upscale_files([photos / "*.tif"], None, model)


def test_the_same_pattern_or_list_again_does_not_upscale_the_results(photos, model, monkeypatch):
    monkeypatch.chdir(photos)
    first = upscale_files(["**/*.*"], None, model)
    before = names(photos)
    assert (len(first.done), len(before)) == (3, 6)
    again = upscale_files(["**/*.*"], None, model, UpscaleOptions(existing="skip"))
    assert (again.done, len(again.skipped), again.failed) == ([], 3, {})
    listed = upscale_files(before, None, model, UpscaleOptions(existing="refuse"))
    assert (listed.done, len(listed.failed), names(photos)) == ([], 3, before)
    with pytest.raises(InputError, match="itself to be upscaled"):
        upscale_files(["**/*.*"], None, model, UpscaleOptions(existing="overwrite"))


def test_result_that_appears_in_the_meantime_is_left(photos, model, monkeypatch):
    def and_meanwhile(*arguments):
        (photos / "a_x2.png").write_text("another program's")
        return enlarge(*arguments)

    enlarge = batches.upscale_photo
    monkeypatch.setattr(batches, "upscale_photo", and_meanwhile)
    summary = upscale_files([photos / "a.png"], None, model)
    assert "already there" in summary.failed[photos / "a.png"]
    assert (photos / "a_x2.png").read_text() == "another program's"


def test_of_two_processes_with_one_output_one_writes_it(tmp_path):
    brightness = {"dark": 30, "light": 220}
    for name, level in brightness.items():
        Image.new("RGB", (16, 16), (level,) * 3).save(tmp_path / f"{name}.png")
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", RACE, tmp_path, name],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for name in brightness
    }
    said = {name: child.communicate()[0].splitlines() for name, child in children.items()}
    for index, (existing, loser) in enumerate([("refuse", "0 skipped, 1 failed"), ("skip", "1 skipped, 0 failed")]):
        names_by_words = {lines[index]: name for name, lines in said.items()}
        winner = "1 upscaled, 0 skipped, 0 failed"
        assert set(names_by_words) == {winner, f"0 upscaled, {loser}"} and names(tmp_path / existing) == ["a.png"]
        assert (read_image(tmp_path / existing / "a.png") == brightness[names_by_words[winner]]).all()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_two_names_of_one_folder_are_one(photos, model, tmp_path):
    (photos / "2000").mkdir()
    (photos / "1999" / "b.jpg").rename(photos / "2000" / "c.webp")
    (tmp_path / "out" / "1999").mkdir(parents=True)
    (tmp_path / "out" / "2000").symlink_to(tmp_path / "out" / "1999", target_is_directory=True)
    with pytest.raises(InputError, match="both be written"):
        upscale_files([photos], tmp_path / "out", model)


def test_names_that_only_look_like_results_are_said(photos, model, tmp_path):
    (photos / "a_1920x1080.png").write_bytes((photos / "a.png").read_bytes())
    with pytest.warns(UserWarning, match=r"1 left out.*a_1920x1080\.png"):
        assert len(upscale_files([photos], tmp_path / "out", model).done) == 3


def test_formats_that_hold_no_photograph_become_png_or_are_refused(cat, model, tmp_path):
    Image.fromarray(cat[:32, :32]).save(tmp_path / "icon.ico")
    Image.fromarray(cat[:32, :32]).save(tmp_path / "old.gif")
    summary = upscale_files([tmp_path / "icon.ico", tmp_path / "old.gif"], "{parent}/out/{stem}.{ext}", model)
    assert [path.name for path in summary.done] == ["icon.ico.png", "old.gif.png"]
    assert Image.open(summary.done[0]).size == (64, 64)
    summary = upscale_files([tmp_path / "old.gif"], tmp_path / "new.gif", model)
    assert "GIF cannot hold a photograph" in summary.failed[tmp_path / "old.gif"]


@pytest.mark.parametrize("separator", ["\n", "\0"])
def test_list_on_standard_input(photos, model, monkeypatch, separator):
    text = "".join(f"{photos / name}{separator}" for name in ("a.png", "1999/b.jpg"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    upscale_files(["-"], None, model)
    assert names(photos) == ["1999/b.jpg", "1999/b_x2.jpg", "1999/c.webp", "a.png", "a_x2.png"]


def test_done_ones_are_skipped(photos, model, tmp_path):
    upscale_files([photos / "a.png"], tmp_path / "out", model)
    before = (tmp_path / "out" / "a.png").stat().st_mtime_ns
    summary = upscale_files([photos], tmp_path / "out", model, UpscaleOptions(existing="skip"))
    assert (len(summary.done), summary.skipped, summary.failed) == (2, [photos / "a.png"], {})
    assert (tmp_path / "out" / "a.png").stat().st_mtime_ns == before


def test_results_of_another_size_are_not_upscaled_again(photos, model):
    upscale_files([photos], None, model)
    Image.new("RGB", (9, 9)).save(photos / "only_x2.png")  # nobody's result: there is no only.*
    summary = upscale_files([photos], None, model, UpscaleOptions(width=50))
    assert len(summary.done) == 4
    assert photos / "only_x2_50w.png" in summary.done


def test_ctrl_c_leaves_whole_files_only_also_while_one_is_written(photos, model, tmp_path, monkeypatch):
    count, interrupted, enlarge = itertools.count(1), threading.Event(), batches.upscale_photo

    def computed(*arguments):
        if next(count) == 3:
            interrupted.set()
            signal.raise_signal(signal.SIGINT)
        return enlarge(*arguments)

    def written(path, *arguments):
        assert path.name == "b.jpg" or interrupted.wait(30)  # the second one is still to be written
        return write_photo(path, *arguments)

    monkeypatch.setattr(batches, "upscale_photo", computed)
    monkeypatch.setattr(batches, "write_photo", written)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which processes in the background begin without
    try:
        with pytest.raises(KeyboardInterrupt, match=r"2 upscaled, 0 skipped, 0 failed.*--skip-existing"):
            upscale_files([photos], tmp_path / "out", model)
    finally:
        signal.signal(signal.SIGINT, before)
    assert names(tmp_path / "out") == ["1999/b.jpg", "1999/c.webp"]
    for name in names(tmp_path / "out"):
        assert read_image(tmp_path / "out" / name).shape == (40, 60, 3)


def test_at_most_two_other_photos_are_in_memory(cat, model, tmp_path, monkeypatch):
    for index in range(8):
        Image.fromarray(cat[:9, :9]).save(tmp_path / f"{index}.png")
    read, lock, alive, most = read_photo, threading.Lock(), set(), []

    def counted(source, *arguments):
        with lock:
            alive.add(source)
        return read(source, *arguments)

    enlarge = batches.upscale_photo

    def computed(*arguments):
        most.append(len(alive))
        return enlarge(*arguments)

    monkeypatch.setattr(batches, "read_photo", counted)
    monkeypatch.setattr(batches, "upscale_photo", computed)
    upscale_files([tmp_path], tmp_path / "out", model)
    assert all(count <= index + 2 for index, count in enumerate(most)) and len(most) == 8


def test_large_results_are_written_before_the_next_one_is_computed(photos, model, tmp_path, monkeypatch):
    events, enlarge, write = [], batches.upscale_photo, write_photo

    def computed(*arguments):
        events.append("computed")
        return enlarge(*arguments)

    def written(*arguments):
        time.sleep(0.1)  # as if it took longer than to compute
        remarks = write(*arguments)
        events.append("written")
        return remarks

    monkeypatch.setattr(batches, "upscale_photo", computed)
    monkeypatch.setattr(batches, "write_photo", written)
    monkeypatch.setattr(batches, "memory_used_and_limit", lambda _: (0, 20_000))
    assert len(upscale_files([photos], tmp_path / "out", model).done) == 3
    assert events == ["computed", "written"] * 3


@pytest.mark.skipif(sys.platform == "win32", reason="no limit to a file's size there")
@pytest.mark.parametrize("extension", ["png", "tif", "jpg", "webp"])
def test_full_disk_leaves_nothing_half_written(cat, model, tmp_path, extension):
    import resource

    Image.fromarray(cat).save(tmp_path / "a.png")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        summary = upscale_files([tmp_path / "a.png"], tmp_path / "out" / f"a.{extension}", model)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "could not be written" in summary.failed[tmp_path / "a.png"]
    assert names(tmp_path / "out") == []


@contextlib.contextmanager
def as_anybody():
    """Within it, the process has no more rights than others; a superuser may write to any folder."""
    is_superuser = os.geteuid() == 0
    if is_superuser:
        os.seteuid(65_534)
    try:
        yield
    finally:
        if is_superuser:
            os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such rights there")
def test_folder_that_is_read_only_is_said(cat, model):
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to others
        folder = Path(name)
        Image.fromarray(cat[:9, :9]).save(folder / "a.png")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o555)
        folder.chmod(0o755)
        with as_anybody():
            summary = upscale_files([folder / "a.png"], folder / "out", model)
        assert re.search("may not be written to|could not be written: Permission", summary.failed[folder / "a.png"])
        assert names(folder) == ["a.png"]


@pytest.mark.skipif(sys.platform == "win32", reason="such names and links are not allowed there")
def test_links_in_circles_and_names_of_all_kinds(cat, model, tmp_path):
    (tmp_path / "loop.png").symlink_to("loop.png")
    odd = ['it\'s "quoted" 😀.png', " space .png"] + (["new\nline.png"] if sys.platform != "win32" else [])
    for name in odd:
        Image.fromarray(cat[:9, :9]).save(tmp_path / name)
    long = tmp_path / f"{'a' * 300}.png"
    summary = upscale_files([tmp_path / "loop.png", long, *(tmp_path / name for name in odd)], tmp_path / "out", model)
    assert names(tmp_path / "out") == sorted(odd)
    assert "cannot be read" in summary.failed[tmp_path / "loop.png"]
    assert "name too long" in summary.failed[long]


def test_folder_in_place_of_a_result_is_left(photos, model):
    (photos / "a_x2.png").mkdir()
    summary = upscale_files([photos / "a.png"], None, model, UpscaleOptions(existing="overwrite"))
    assert "is a folder" in summary.failed[photos / "a.png"]


def originals(cat: np.ndarray) -> dict[str, bytes]:
    """Small files of many formats and kinds."""
    colour = np.ascontiguousarray(cat[100:124, 150:182])
    image = Image.fromarray(colour)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x8769] = "Camera", 6, {0x9003: "2001:02:03 04:05:06"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = cv2.cvtColor(colour, cv2.COLOR_RGB2BGR).astype(np.uint16) * 257
    variants = {
        "rgb.png": (image, {"exif": exif}),
        "palette.png": (image.quantize(16), {}),
        "alpha.png": (Image.merge("RGBA", [*image.split(), image.convert("L")]), {}),
        "exif.jpg": (image, {"exif": exif, "xmp": b"<x/>"}),
        "cmyk.jpg": (image.convert("CMYK"), {}),
        "grey.jpg": (image.convert("L"), {"progressive": True}),
        "exif.webp": (image, {"exif": exif}),
        "lossless.webp": (image, {"lossless": True}),
        "plain.tif": (image, {}),
        "packed.tif": (image, {"compression": "tiff_adobe_deflate"}),
        "frames.gif": (image, {"save_all": True, "append_images": [image.rotate(180)]}),
        "a.bmp": (image, {}),
        "a.avif": (image, {"exif": exif}),
        "told.png": (image, {"pnginfo": png_chunks(), "dpi": (300, 150), "icc_profile": profile}),
        "clear.png": (image.quantize(16), {"transparency": bytes(range(16)), "save_all": True}),
        "told.jpg": (image, {"dpi": (300, 150), "icc_profile": profile, "comment": b"a comment", "exif": exif}),
        "a.jp2": (image.resize((64, 48)), {}),
        "alpha.tga": (Image.merge("RGBA", [*image.split(), image.convert("L")]), {"compression": "tga_rle"}),
        "grey.tga": (image.convert("L"), {}),
        "a.ppm": (image, {}),
        "a.qoi": (image, {}),
        "a.sgi": (image, {}),
        "palette.pcx": (image.quantize(16), {}),
        "a.dds": (image, {}),
        "lzw.tif": (image, {"compression": "tiff_lzw", "dpi": (300, 150), "icc_profile": profile}),
    }
    files = {}
    for name, (variant, options) in variants.items():
        buffer = io.BytesIO()
        variant.save(buffer, format=Image.registered_extensions()[f".{name.rpartition('.')[2]}"], **options)
        files[name] = buffer.getvalue()
    for extension in ("png", "tif", "ppm"):
        files[f"deep.{extension}"] = cv2.imencode(f".{extension}", deep)[1].tobytes()
    files["deep.jp2"] = cv2.imencode(".jp2", deep.repeat(2, axis=0).repeat(2, axis=1))[1].tobytes()
    return files


def png_chunks() -> PngInfo:
    """Texts, gamma and primaries."""
    info = PngInfo()
    info.add_text("Title", "Früh im Garten")
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))
    info.add(
        b"cHRM", b"".join(value.to_bytes(4, "big") for value in (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))
    )
    return info


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    content = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        place, length = int(rng.integers(len(content))), int(rng.integers(1, 9))
        kind = rng.integers(6)
        if kind == 0:
            content = content[: max(1, place)]
        elif kind == 1:
            content[place : place + length] = rng.bytes(length)
        elif kind == 2:
            content[place : place + length] = b""
        elif kind == 3:
            content[place:place] = rng.bytes(length)
        elif kind == 4:
            place %= 120  # headers
            content[place : place + length] = bytes([rng.choice([0, 1, 127, 128, 255])]) * length
        else:
            content[place : place + 1] = bytes([int(rng.integers(256))])
        content = content or bytearray(b"\0")
    return bytes(content)


@pytest.mark.filterwarnings("ignore")  # Pillow's, about the damage
def test_damaged_files_of_all_formats_are_read_or_named(cat, model, tmp_path, monkeypatch):
    """Whatever is in a file: a whole result or a sentence, and nothing else."""
    rng = np.random.default_rng(0)
    contents = originals(cat)
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for index in range(MUTATIONS):
        name, content = list(contents.items())[index % len(contents)]
        (folder / f"{index:04}-{name}").write_bytes(mutated(content, rng))
    monkeypatch.setattr(batches, "upscale_photo", lambda photograph, *_: photograph)
    summary = upscale_files([folder], out, model, UpscaleOptions(max_pixels=1_000_000))
    assert len(summary.done) + len(summary.failed) == MUTATIONS
    assert len(summary.done) > MUTATIONS // 10 and len(summary.failed) > MUTATIONS // 10
    for source, reason in summary.failed.items():
        assert str(source) in reason and "could not be" not in reason and len(reason.splitlines()) == 1
    assert sorted(out.iterdir()) == sorted(summary.done)
    for path in summary.done:
        read_photo(path)
