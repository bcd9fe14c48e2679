import gc
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from srkit import InputError
from srkit.image import read_image, write_image
from srkit.image.io import opened


def test_written_png_reads_back_the_same(cat, tmp_path):
    write_image(tmp_path / "new folder" / "cät 1.png", cat)
    assert np.array_equal(read_image(tmp_path / "new folder" / "cät 1.png"), cat)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1", "I;16", "RGB"])
def test_every_mode_is_read_as_rgb(cat, tmp_path, mode):
    image = Image.fromarray(cat)
    if mode == "I;16":
        grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
        image, expected = Image.fromarray(grey), np.asarray(image.convert("L"))
    else:
        image = image.convert(mode)
        expected = np.asarray(image.convert("L"))
    path = tmp_path / f"image{'.tif' if mode == 'CMYK' else '.png'}"
    image.save(path)
    read = read_image(path)
    assert read.shape == cat.shape and read.dtype == np.uint8
    grey = np.asarray(Image.fromarray(read).convert("L")).astype(int)
    assert np.abs(grey - expected).max() <= 1


def test_exif_orientation_is_applied(cat, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    Image.fromarray(cat).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(read_image(tmp_path / "turned.png"), np.rot90(cat, -1))


def test_transparency_is_laid_over_white(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (read_image(tmp_path / "clear.png") == 255).all()


def test_channels_keep_their_order(tmp_path):
    Image.new("RGB", (4, 4), (250, 100, 3)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png")[0, 0].tolist() == [250, 100, 3]


@pytest.mark.parametrize("damage", ["text", "cut", "empty", "missing", "folder"])
def test_what_is_no_image_is_named(cat, tmp_path, damage):
    path = tmp_path / "photo.jpg"
    if damage == "folder":
        path.mkdir()
    elif damage == "text":
        path.write_text("this is a shopping list")
    elif damage in ("cut", "empty"):
        Image.fromarray(cat).save(path)
        path.write_bytes(path.read_bytes()[: 2000 if damage == "cut" else 0])
    with pytest.raises(InputError, match=r"photo\.jpg"):
        read_image(path)


def test_float_array_is_refused(cat):
    with pytest.raises(InputError, match="uint8"):
        read_image(cat / 255)


def claiming(width: int, height: int, path) -> None:
    """A PNG file that claims to hold so many pixels."""
    Image.new("RGB", (1, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


def test_number_of_pixels_is_limited_for_the_call_alone(tmp_path, monkeypatch):
    claiming(30_000, 30_000, tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # what belongs to the process neither counts nor changes
    with pytest.raises(InputError, match=r"30000x30000 px.*at most 200 megapixels"):
        read_image(tmp_path / "a.png")
    with opened(tmp_path / "a.png", max_pixels=1_000_000_000) as image:
        assert image.size == (30_000, 30_000) and Image.MAX_IMAGE_PIXELS == 1000


def test_threads_read_at_once(cat, tmp_path):
    paths = [tmp_path / f"a.{extension}" for extension in ("png", "jpg", "webp", "tif", "bmp", "gif", "ppm")]
    for path in paths:
        Image.fromarray(cat).save(path)
    expected = [read_image(path) for path in paths]
    with ThreadPoolExecutor(8) as pool:
        for path, image in zip(paths * 5, pool.map(read_image, paths * 5)):
            np.testing.assert_array_equal(image, expected[paths.index(path)])


def test_open_file_is_closed(cat, tmp_path):
    Image.fromarray(cat).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        read_image(tmp_path / "a.png")
        gc.collect()
    (tmp_path / "a.png").unlink()


def test_size_that_a_format_cannot_hold_is_named(tmp_path):
    with pytest.raises(InputError, match="16383 px"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16_384, 3), np.uint8))
