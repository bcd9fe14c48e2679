"""Files of more than 8 bits: all of them are used, or it is said."""

import struct
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from srkit import InputError
from srkit.image import Photo, read_image, read_photo, write_photo
from srkit.image import depth as depths


@pytest.fixture
def deep(cat) -> np.ndarray:
    """uint16 of shape (24, 32, 3), with more values than 8 bits have."""
    values = cat[100:124, 150:182].astype(np.uint16) * 257
    return values ^ (np.arange(values.size).reshape(values.shape) % 97).astype(np.uint16)


def pnm(path, pixels: np.ndarray, most: int):
    kind = 5 if pixels.ndim == 2 else 6
    header = f"P{kind}\n{pixels.shape[1]} {pixels.shape[0]}\n{most}\n".encode()
    path.write_bytes(header + pixels.astype(">u2").tobytes())
    return path


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("target", ["b.ppm", "b.pgm", "b.png", "b.tif"])
def test_16_bits_of_ppm_are_kept(tmp_path, deep, channels, target):
    image = deep[..., 0] if channels == 1 else deep
    read = read_photo(pnm(tmp_path / "a.ppm", image, 65_535))
    assert np.array_equal(read.pixels, image) and read.remarks == ()
    assert write_photo(tmp_path / target, read) == ()
    assert np.array_equal(read_photo(tmp_path / target).pixels, image)
    other = cv2.imread(str(tmp_path / target), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(other if channels == 1 else other[..., ::-1], image)


@pytest.mark.parametrize("most", [1_023, 4_095])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_of_ppm_may_be_any_value(tmp_path, deep, most, channels):
    image = deep[..., 0] if channels == 1 else deep
    path = pnm(tmp_path / "a.ppm", np.rint(image * (most / 65_535)), most)
    read = read_photo(path)
    assert read.pixels.dtype == np.uint16 and read.remarks == ()
    assert np.abs(read.pixels.astype(int) - image).max() <= 65_535 / most
    assert np.abs(read_image(path)[..., 0] - (deep[..., 0] / 257)).max() < 2


@pytest.mark.parametrize("channels", [3, 4])
def test_16_bits_of_jpeg_2000_are_used_and_white_is_not_black(tmp_path, deep, channels):
    """Pillow, which read_image reads with, makes 0 of 16-bit values from 65,408 on."""
    path, deep = tmp_path / "a.jp2", np.dstack([deep, deep[..., 0]]).repeat(2, axis=0).repeat(2, axis=1)[..., :channels]
    deep[8:32, 8:40] = 65_535
    cv2.imwrite(str(path), deep[..., [2, 1, 0, 3][:channels]], [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    photo = read_photo(path)
    assert photo.remarks == () and np.array_equal(photo.pixels, deep[..., :3])
    assert np.array_equal(photo.alpha, deep[..., 3]) if channels == 4 else photo.alpha is None
    opacity = photo.alpha[..., None] / 65_535 if channels == 4 else 1
    for source in (path, path.read_bytes()):
        assert np.abs(read_image(source) - (deep[..., :3] / 257 * opacity + 255 * (1 - opacity))).max() < 2
    assert "8 that JPEG2000 holds" in write_photo(tmp_path / "b.jp2", photo)[0]


def test_16_bits_of_jpeg_2000_that_are_not_read_are_named(tmp_path, deep, monkeypatch):
    cv2.imwrite(str(tmp_path / "a.jp2"), deep.repeat(2, axis=0).repeat(2, axis=1))
    monkeypatch.setattr(depths.cv2, "imdecode", lambda *_: None)
    for read in (read_photo, read_image):
        with pytest.raises(InputError, match=r"a\.jp2 holds 16 bits in a way"):
            read(tmp_path / "a.jp2")


def test_16_bits_are_laid_over_white_where_there_is_no_opacity(tmp_path, deep):
    photo = Photo(deep, alpha=np.full(deep.shape[:2], 65_535 // 3, np.uint16))
    assert "laid over white" in write_photo(tmp_path / "a.ppm", photo)[0]
    assert np.abs(read_photo(tmp_path / "a.ppm").pixels - (deep / 3 + 65_535 * 2 / 3)).max() <= 1


def test_16_bits_of_a_fourth_channel_without_a_meaning_are_used(tmp_path, deep):
    tifffile.imwrite(tmp_path / "a.tif", np.dstack([deep, deep[..., 0]]), photometric="rgb", extrasamples=[0])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.remarks == () and photo.alpha is None and np.array_equal(photo.pixels, deep)


def test_colours_of_16_bits_times_opacity_are_divided_by_it_also_where_few_are_transparent(tmp_path, deep):
    """Pillow divides, and OpenCV does not."""
    opacity = np.full(deep.shape[:2], 65_535, np.uint16)
    opacity[3, 4:6] = 65_535 // 3
    premultiplied = np.dstack([np.rint(deep * (opacity[..., None] / 65_535)), opacity]).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", premultiplied, photometric="rgb", extrasamples=["assocalpha"])
    photo = read_photo(tmp_path / "a.tif")
    assert photo.remarks == ("8 of its 16 bits were used",)
    assert np.abs(photo.pixels - deep / 257).max() < 4


UNREAD = {
    "grey with opacity": (lambda deep: (deep[..., :2], {"photometric": "minisblack", "extrasamples": ["unassalpha"]})),
    "floating-point 32-bit": (lambda deep: ((deep / 65_535).astype(np.float32), {"photometric": "rgb"})),
    "floating-point 16-bit": (lambda deep: ((deep / 65_535).astype(np.float16), {"photometric": "rgb"})),
    "floating-point 32-bit values": (lambda deep: ((deep[..., 0] / 65_535).astype(np.float32), {})),
    "signed 16-bit": (lambda deep: ((deep[..., 0] // 2).astype(np.int16), {})),
    "8-bit grey": (lambda deep: ((deep[..., 0] >> 8).astype(np.uint8), {"bigtiff": True, "byteorder": ">"})),
    "32-bit": (lambda deep: (deep[..., 0].astype(np.uint32) << 16, {})),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("held", UNREAD)
def test_what_is_not_read_is_named(tmp_path, deep, held):
    pixels, options = UNREAD[held](deep)
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    words = "16-bit grey with alpha" if held == "grey with opacity" else held
    for read in (read_photo, read_image):
        with pytest.raises(InputError, match=f"a.tif holds {words}"):
            read(tmp_path / "a.tif")


def test_damaged_tiff_is_told_in_one_sentence_and_nothing_is_printed_beside_it(tmp_path):
    entries = b"".join(struct.pack("<HHII", tag, 999, 1, 0) for tag in (256, 257))  # of no type that there is
    (tmp_path / "a.tif").write_bytes(struct.pack("<2sHIH", b"II", 42, 8, 2) + entries + bytes(4))
    code = "import sys; from srkit.image import read_photo; read_photo(sys.argv[1])"
    command = [sys.executable, "-c", code, tmp_path / "a.tif"]
    printed = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stderr
    assert printed.startswith("Traceback") and "InputError" in printed.splitlines()[-1]


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.cr2", "a.tif"])
def test_raw_is_refused_and_its_preview_is_not_taken(tmp_path, cat, name):
    """As cameras write it: a small picture first, and the sensor's values in another directory of the TIFF file."""
    with tifffile.TiffWriter(tmp_path / name) as raw:
        version = (50706, "B", 4, (1, 4, 0, 0), True)
        raw.write(cat[:24, :32], photometric="rgb", subifds=1, subfiletype=1, extratags=[version])
        raw.write(cat[..., 0].astype(np.uint16), photometric=32803, subfiletype=0)
    for read in (read_photo, read_image):
        with pytest.raises(InputError, match=r"RAW file.*develop"):
            read(tmp_path / name)
    (tmp_path / "b.cr3").write_bytes(b"\0\0\0\x18ftypcrx ")
    with pytest.raises(InputError, match=r"RAW file.*develop"):
        read_photo(tmp_path / "b.cr3")


def test_jpeg_xl_is_read_or_its_package_is_named(tmp_path, cat):
    if "JXL" in Image.SAVE:
        write_photo(tmp_path / "a.jxl", Photo(cat))
        assert np.abs(read_photo(tmp_path / "a.jxl").pixels.astype(int) - cat).mean() < 3
        return
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a\x00")
    with pytest.raises(InputError, match=r"JPEG XL needs another package.*pip install pillow-jxl-plugin"):
        read_photo(tmp_path / "a.jxl")
