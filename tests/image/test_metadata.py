"""What a file holds besides its pixels: density, captions, texts, transparency, gamma and primaries."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, IptcImagePlugin

from srkit.image import Photo, read_photo, write_photo

CAPTION = "Früh im Garten".encode()
IPTC = b"".join(
    b"\x1c\2" + bytes([number]) + struct.pack(">H", len(text)) + text for number, text in ((5, b"Dog"), (120, CAPTION))
)
ADOBE_RGB = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)  # white, red, green, blue
DISPLAY_P3 = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(path, pixels: np.ndarray, *chunks: tuple[bytes, bytes]):
    """A PNG file of grey or RGB, with other chunks before its pixels."""
    bits, colour = 8 * pixels.itemsize, {2: 0, 3: 2}[pixels.ndim]
    rows = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(len(pixels), -1)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], bits, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in [*parts, (b"IEND", b"")]))
    return path


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


@pytest.fixture
def small(cat) -> np.ndarray:
    return np.ascontiguousarray(cat[100:124, 150:182])


def rewritten(path, name: str):
    """The path of a photograph that was read and written, and the remarks."""
    target = path.with_name(f"out-{name}")
    return target, write_photo(target, read_photo(path))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_colour_that_is_transparent_becomes_opacity(tmp_path, small, kind, channels):
    pixels = small[..., 0] if channels == 1 else small
    pixels = pixels.astype(kind) * (257 if kind == np.uint16 else 1)
    pixels[4:9, 5:15] = key = 4_096 if kind == np.uint16 else 16
    read = read_photo(png(tmp_path / "a.png", pixels, (b"tRNS", struct.pack(">H", key) * channels)))
    is_key = pixels == key if channels == 1 else (pixels == key).all(axis=2)
    assert read.pixels.dtype == read.alpha.dtype == kind and np.array_equal(read.alpha == 0, is_key)


DENSITIES = [("png", "png"), ("png", "jpg"), ("png", "tif"), ("jpg", "jpg"), ("jpg", "png"), ("tif", "png")]


@pytest.mark.parametrize("source, target", [*DENSITIES, ("bmp", "bmp"), ("png", "webp"), ("jpg", "avif")])
def test_density_is_kept(tmp_path, small, source, target):
    Image.fromarray(small).save(tmp_path / f"a.{source}", dpi=(300, 150))
    out, remarks = rewritten(tmp_path / f"a.{source}", f"b.{target}")
    assert remarks == () and read_photo(out).density == pytest.approx((300, 150), abs=0.1)
    with Image.open(out) as image:
        other = image.getexif()
        seen = image.info.get("dpi") or (other[282], other[283])
    assert [float(side) for side in seen] == pytest.approx([300, 150], abs=0.1)


def test_density_of_16_bits_is_kept(tmp_path, small):
    for name in ("b.png", "b.tif"):
        tifffile.imwrite(
            tmp_path / "a.tif", small.astype(np.uint16) * 257, resolution=(300, 150), resolutionunit="INCH"
        )
        assert read_photo(rewritten(tmp_path / "a.tif", name)[0]).density == pytest.approx((300, 150), abs=0.1)


def test_density_in_centimetres_and_of_a_turned_picture(tmp_path, small):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    Image.fromarray(small).save(content, "JPEG", dpi=(100, 50), exif=exif)
    turned = content.getvalue()
    place = turned.index(b"JFIF\0") + 7
    (tmp_path / "a.jpg").write_bytes(turned[:place] + b"\2" + turned[place + 1 :])  # not for an inch
    read = read_photo(tmp_path / "a.jpg")
    assert read.pixels.shape[:2] == (32, 24) and read.density == pytest.approx((127, 254))


def test_a_file_without_density_gets_none(tmp_path, small):
    for name in ("png", "jpg", "tif", "webp"):
        Image.fromarray(small).save(tmp_path / f"a.{name}")
        assert read_photo(tmp_path / f"a.{name}").density is None
    for name in ("png", "jpg", "tif", "webp", "bmp", "dib"):
        write_photo(tmp_path / f"b.{name}", Photo(small))
        assert read_photo(tmp_path / f"b.{name}").density is None


def test_aspect_is_named(tmp_path, small):
    read = read_photo(png(tmp_path / "a.png", small, (b"pHYs", struct.pack(">IIB", 2, 1, 0))))
    assert "aspect" in read.remarks[0]


def photoshop(iptc: bytes) -> bytes:
    other = b"8BIM" + struct.pack(">HHI", 0x0425, 0, 3) + b"abc\0"
    return other + b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc + b"\0" * (len(iptc) % 2)


def with_captions(path, small: np.ndarray, tag: int):
    if path.suffix == ".jpg":
        content = b"Photoshop 3.0\0" + photoshop(IPTC)
        marker = b"\xff\xed" + struct.pack(">H", len(content) + 2) + content
        Image.fromarray(small).save(path, extra=marker)
    else:
        content = IPTC if tag == 33723 else photoshop(IPTC)
        tags = [(tag, "B", len(content), content, True)]
        if tag == 33723:  # as some programs write it
            tags = [(tag, "I", len(content) // 4, struct.unpack(f"<{len(content) // 4}I", content), True)]
        tifffile.imwrite(path, small, photometric="rgb", extratags=tags)
    return path


@pytest.mark.parametrize("source, tag", [("a.jpg", 0), ("a.tif", 33723), ("a.tif", 34377)])
@pytest.mark.parametrize("target", ["b.jpg", "b.tif"])
def test_captions_are_kept(tmp_path, small, source, tag, target):
    out, remarks = rewritten(with_captions(tmp_path / source, small, tag), target)
    assert remarks == ()
    with Image.open(out) as image:
        assert IptcImagePlugin.getiptcinfo(image)[(2, 120)] == CAPTION


def test_captions_and_texts_that_a_format_cannot_hold_are_named(tmp_path, small):
    photo = Photo(small, iptc=IPTC, texts={"Title": "Dog", "Comment": "früh"}, density=(300, 300))
    assert write_photo(tmp_path / "a.png", photo) == ("captions (IPTC) were left out, since PNG holds none",)
    assert write_photo(tmp_path / "a.jpg", photo) == ("texts and comments were left out, since JPEG holds none",)
    left_out = " ".join(write_photo(tmp_path / "a.ppm", photo))
    assert "density" in left_out and "captions" in left_out and "texts" in left_out
    assert write_photo(tmp_path / "b.ppm", photo.stripped()) == ()


TEXTS = {"Title": "Dog in the garden", "Comment": "taken from the balcony", "Description": "Der Hund, früh 🐕"}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_texts_are_kept(tmp_path, small, kind):
    chunks = [
        (b"tEXt", b"Title\0Dog in the garden"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"taken from the balcony")),
        (b"iTXt", b"Description\0\0\0de\0Beschreibung\0" + TEXTS["Description"].encode()),
    ]
    out, remarks = rewritten(png(tmp_path / "a.png", small.astype(kind), *chunks), "b.png")
    assert remarks == ()
    with Image.open(out) as image:
        assert image.text == TEXTS and image.text["Description"].lang == "de"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_comment_is_kept(tmp_path, small, encoding):
    Image.fromarray(small).save(tmp_path / "a.jpg", comment="früh".encode(encoding))
    for name in ("b.jpg", "b.png"):
        out, remarks = rewritten(tmp_path / "a.jpg", name)
        assert remarks == () and read_photo(out).texts == {"Comment": "früh"}


def test_what_is_too_long_for_a_format_does_not_cost_the_photograph(tmp_path, small):
    remarks = write_photo(tmp_path / "a.jpg", Photo(small, iptc=IPTC * 3000, density=(300, 300)))
    assert "do not fit into JPEG" in remarks[0]
    assert read_photo(tmp_path / "a.jpg").density == (300, 300)


@pytest.mark.parametrize("value", [1.0, 1 / 1.8])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_gamma_becomes_that_of_srgb(tmp_path, small, kind, value):
    most = np.iinfo(kind).max
    stored = np.rint(most * (small / 255) ** (2.2 * value)).astype(kind)
    read = read_photo(png(tmp_path / "a.png", stored, gamma(value)))
    assert read.remarks == ("its gamma (gAMA) became that of sRGB",)
    seen = small > 60  # 8 bits of linear light have few levels for dark ones
    assert np.abs(read.pixels / (most / 255) - small)[seen].max() < 3


def test_gamma_of_srgb_or_beside_another_definition_changes_nothing(tmp_path, small):
    for chunks in ([gamma(0.45455)], [(b"sRGB", b"\0"), gamma(1)], [(b"cICP", b"\1\15\0\1"), gamma(1)], [gamma(0)]):
        read = read_photo(png(tmp_path / "a.png", small, *chunks))
        assert np.array_equal(read.pixels, small) and read.profile is None and read.remarks == ()


def test_primaries_become_a_profile(tmp_path, small):
    adobe = b"cHRM", struct.pack(">8I", *(round(100_000 * value) for value in ADOBE_RGB))
    for chunks, primaries in ([[adobe], ADOBE_RGB], [[(b"cICP", b"\14\15\0\1")], DISPLAY_P3]):
        read = read_photo(png(tmp_path / "a.png", small, *chunks))
        assert read.remarks == () and np.array_equal(read.pixels, small)
        profile = ImageCms.ImageCmsProfile(io.BytesIO(read.profile)).profile
        assert profile.profile_description == "PNG's colours"
        for found, x, y in zip(profile.chromaticity, primaries[2::2], primaries[3::2], strict=True):
            assert found[:2] == pytest.approx((x, y), abs=1e-3)
        white = np.full((2, 2, 3), 255, np.uint8)
        write_photo(tmp_path / "white.bmp", Photo(white, profile=read.profile))
        assert np.abs(read_photo(tmp_path / "white.bmp").pixels.astype(int) - white).max() <= 1


def test_colour_space_that_is_not_known_is_named(tmp_path, small):
    read = read_photo(png(tmp_path / "a.png", small, (b"cICP", bytes([9, 16, 0, 1]))))  # PQ, of high dynamic range
    assert "cICP" in read.remarks[0] and read.profile is None
    flat = b"cHRM", struct.pack(">8I", *[30_000] * 8)
    assert "damaged" in read_photo(png(tmp_path / "b.png", small, flat)).remarks[0]
