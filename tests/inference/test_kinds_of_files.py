"""Files of all kinds: the result, made smaller again, is what Pillow reads of the photograph, and holds as much."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import keras
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, ImageOps

from srkit import InputError
from srkit.image import format_of, read_photo, with_writable_extension, write_photo
from srkit.image.formats import Format
from srkit.inference import UpscaleOptions, upscale_photo

# Every photograph is written in its own format and in one of these; with SRKIT_THOROUGH set, in all of both.
TARGETS = ("png", "jpg", "webp", "tif", "bmp", "jp2", "ppm", "tga")
SLOW_TARGETS = ("avif", "qoi", "sgi", "dds", "pcx")
IS_THOROUGH = "SRKIT_THOROUGH" in os.environ
TELLING = ("png", "jpg", "webp", "tif", "avif")  # hold orientation, profile and density
LOSSY = {"JPEG": 4, "MPO": 4, "WEBP": 4, "AVIF": 4}  # mean difference, in levels, that the formats may make
ORIENTATION, X_RESOLUTION, Y_RESOLUTION, PHOTOMETRIC = 274, 282, 283, 262
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
LAB = ImageCms.createProfile("LAB")


AS_IT_IS = UpscaleOptions(precision="float32")


class Told(NamedTuple):
    """What a file says of its pixels."""

    orientation: int
    profile: bytes | None
    density: tuple[int, int] | None


def swapped_profile() -> bytes:
    """sRGB, but that red and blue are each other: to leave it out would be seen."""
    profile = bytearray(SRGB.tobytes())
    red, blue = (profile.find(name, 128) for name in (b"rXYZ", b"bXYZ"))
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


# All orientations, with each profile and density now and then.
ALL_TOLD = [
    Told(turned, (None, swapped_profile())[turned % 2], (None, (300, 300), (300, 150))[turned % 3])
    for turned in range(1, 9)
]


def by_pillow(mode: str, **options) -> Callable:
    """Makes a file of an image in this mode. An option may be a function of the image."""

    def make(path: Path, photo: np.ndarray, told: Told) -> None:
        image = in_mode(mode, photo)
        exif = Image.Exif()
        exif[ORIENTATION] = told.orientation
        given = {key: value(image) if callable(value) else value for key, value in options.items()}
        given |= {"icc_profile": told.profile} if told.profile else {}
        given |= {"dpi": told.density} if told.density else {}
        image.save(path, exif=exif, **given)

    return make


def in_mode(mode: str, photo: np.ndarray) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(photo[..., 0])
    image = Image.fromarray((photo >> 8).astype(np.uint8))
    if mode == "P":
        return image.convert("RGB").quantize(16)
    if mode == "LAB":
        return ImageCms.profileToProfile(image.convert("RGB"), SRGB, LAB, outputMode="LAB")
    return image.convert(mode if mode in ("RGBA", "LA") else "RGB").convert(mode)


def first_colour(image: Image.Image):
    """The value of the pixel at the top left."""
    return image.getpixel((0, 0))


def by_opencv(channels: int, bits: int) -> Callable:
    """Makes a file with 1, 3 or 4 channels, and has a PNG file say what is told."""

    def make(path: Path, photo: np.ndarray, told: Told) -> None:
        pixels = photo if bits == 16 else (photo >> 8).astype(np.uint8)
        content = cv2.imencode(path.suffix, pixels[..., [[0], [2, 1, 0], [2, 1, 0, 3]][channels // 2]])[1].tobytes()
        path.write_bytes(with_chunks(content, told) if path.suffix == ".png" else content)

    return make


def with_chunks(png: bytes, told: Told) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = told.orientation
    chunks = {b"eXIf": exif.tobytes().removeprefix(b"Exif\0\0")}
    if told.profile:
        chunks[b"iCCP"] = b"a\0\0" + zlib.compress(told.profile)
    if told.density:
        chunks[b"pHYs"] = struct.pack(">IIB", *(round(side / 0.0254) for side in told.density), 1)
    made = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks.items()
    )
    return png[:33] + b"".join(made) + png[33:]


def by_tifffile(channels: int, bits: int, options: dict) -> Callable:
    """Makes a file with 1 to 4 channels."""

    def make(path: Path, photo: np.ndarray, told: Told) -> None:
        pixels = photo if bits == 16 else (photo >> 8).astype(np.uint8)
        pixels = pixels[..., [0, [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]]
        given = {"photometric": "rgb" if channels > 2 else "minisblack", **options}
        if given["photometric"] == "miniswhite":
            pixels = np.iinfo(pixels.dtype).max - pixels
        if given.get("planarconfig") == "separate":
            pixels = np.moveaxis(pixels, -1, 0)
        orientation = (ORIENTATION, "H", 1, told.orientation, True)
        density = {"resolution": told.density, "resolutionunit": "inch"} if told.density else {}
        tifffile.imwrite(path, pixels, iccprofile=told.profile, extratags=[orientation], **density, **given)

    return make


OF_PILLOW = {
    "png": ("1", "L", "LA", "I;16", "P", "RGB", "RGBA"),
    "jpg": ("L", "RGB", "CMYK"),
    "webp": ("RGB", "RGBA"),
    "tif": ("1", "L", "LA", "I;16", "P", "RGB", "RGBA", "CMYK", "LAB"),
    "avif": ("RGB", "RGBA"),
    "bmp": ("1", "L", "P", "RGB", "RGBA"),
    "dib": ("L", "RGB"),
    "gif": ("L", "P"),
    "jp2": ("L", "LA", "I;16", "RGB", "RGBA"),
    "ppm": ("1", "L", "RGB"),
    "tga": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "qoi": ("RGB", "RGBA"),
    "sgi": ("L", "RGB", "RGBA"),
    "pcx": ("1", "L", "P", "RGB"),
    "dds": ("L", "LA", "RGB", "RGBA"),
    "ico": ("RGB", "RGBA"),
    "mpo": ("RGB",),
}
WITH_OPTIONS = {
    "clear L.png": by_pillow("L", transparency=first_colour),
    "clear I;16.png": by_pillow("I;16", transparency=first_colour),
    "clear RGB.png": by_pillow("RGB", transparency=first_colour),
    "clear P.png": by_pillow("P", transparency=first_colour),
    "half clear P.png": by_pillow("P", transparency=bytes(range(0, 256, 16))),
    "progressive.jpg": by_pillow("RGB", progressive=True, subsampling=0),
    "of RGB.jpg": by_pillow("RGB", keep_rgb=True),
    "lossless.webp": by_pillow("RGBA", lossless=True, exact=True),
    "group 4.tif": by_pillow("1", compression="group4"),
    "JPEG in.tif": by_pillow("RGB", compression="jpeg"),
    "LZW.tif": by_pillow("RGBA", compression="tiff_lzw"),
    "LZW 16.tif": by_pillow("I;16", compression="tiff_lzw"),
    "deflate.tif": by_pillow("RGB", compression="tiff_adobe_deflate"),
    "packbits.tif": by_pillow("L", compression="packbits"),
    "big.tif": by_pillow("RGB", big_tiff=True),
    "clear.gif": by_pillow("P", transparency=first_colour),
    "RLE.tga": by_pillow("RGBA", compression="tga_rle"),
}
OF_OPENCV = {"png": (1, 3, 4), "tif": (1, 3, 4), "jp2": (1, 3), "ppm": (3,), "pgm": (1,)}  # with 8 and 16 bits
OF_OPENCV_8 = {"jpg": (1, 3), "webp": (3, 4), "bmp": (1, 3, 4), "ras": (3,), "avif": (1, 3, 4), "jp2": (4,)}
OF_TIFFFILE = {
    "white is 0": (1, {"photometric": "miniswhite"}),
    "opacity": (2, {"extrasamples": ["unassalpha"]}),
    "big-endian": (3, {"byteorder": ">"}),
    "planes": (3, {"planarconfig": "separate"}),
    "differences": (3, {"compression": "zlib", "predictor": True}),
    "tiles": (3, {"tile": (16, 16)}),
    "strips": (3, {"rowsperstrip": 5}),
    "RGB and opacity": (4, {"extrasamples": ["unassalpha"]}),
    "times opacity": (4, {"extrasamples": ["assocalpha"]}),
    "of no meaning": (4, {"extrasamples": ["unspecified"]}),
}
KINDS = {
    **{f"{mode}.{ending}": by_pillow(mode) for ending, modes in OF_PILLOW.items() for mode in modes},
    **WITH_OPTIONS,
    **{
        f"OpenCV {count}x{bits}.{ending}": by_opencv(count, bits)
        for bits, table in ((8, OF_OPENCV_8), (8, OF_OPENCV), (16, OF_OPENCV))
        for ending, counts in table.items()
        for count in counts
    },
    **{
        f"{name} {bits}.tif": by_tifffile(count, bits, options)
        for name, (count, options) in OF_TIFFFILE.items()
        for bits in (8, 16)
    },
}
REFUSED = {"opacity 16.tif": "16-bit grey with alpha", "planes 16.tif": "16 bits with the channels interleaved"}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Repeats each pixel: what the result does not have, the files lost."""
    return keras.Sequential([keras.Input((None, None, 3)), keras.layers.UpSampling2D(2)])


@pytest.fixture(scope="module")
def photo(cat) -> np.ndarray:
    """uint16 of shape (32, 36, 4), of more than 8 bits; parts of it are transparent, wholly and by half."""
    pixels = cat[94:126, 150:186].astype(np.uint16) * 257
    pixels ^= (np.arange(pixels.size).reshape(pixels.shape) % 97).astype(np.uint16)
    alpha = np.full((32, 36), 65_535, np.uint16)
    alpha[6:20, 6:20], alpha[20:, 24:] = 0, 128 * 257
    return np.dstack([pixels, alpha])


class Seen(NamedTuple):
    """A file as Pillow reads it: upright, its colours and its opacity from 0 to 255."""

    colours: np.ndarray
    opacity: np.ndarray
    profile: bytes | None
    density: tuple[int, ...] | None

    @property
    def is_grey(self) -> bool:
        return bool((np.ptp(self.colours, axis=2) == 0).all())

    @property
    def over_white(self) -> np.ndarray:
        return self.colours * (self.opacity / 255)[..., None] + 255 - self.opacity[..., None]


def seen(path: Path) -> Seen:
    with Image.open(path) as image:
        density = density_of(image)
        image.load()
    upright = ImageOps.exif_transpose(image)
    opacity = np.full(upright.size[::-1], 255.0)
    if upright.mode.startswith("I"):
        grey = np.asarray(upright).astype(np.uint16)
        opacity[grey == image.info.get("transparency", -1)] = 0
        # Pillow takes white for white where it is 0, but with 8 bits only.
        is_inverted = image.format == "TIFF" and image.tag_v2[PHOTOMETRIC] == 0
        colours = np.dstack([(65_535 - grey if is_inverted else grey) / 257] * 3)
    elif upright.mode == "LAB":
        colours = np.asarray(ImageCms.profileToProfile(upright, LAB, SRGB, outputMode="RGB"), float)
    else:
        rgba = (upright.convert("RGB") if upright.mode == "CMYK" else upright).convert("RGBA")
        colours, opacity = np.asarray(rgba, float)[..., :3], np.asarray(rgba, float)[..., 3]
    return Seen(colours, opacity, image.info.get("icc_profile"), density)


def density_of(image: Image.Image) -> tuple[int, ...] | None:
    exif = image.getexif()
    density = image.info.get("dpi") or (X_RESOLUTION in exif and (exif[X_RESOLUTION], exif[Y_RESOLUTION]))
    is_pillows = image.format in ("JPEG", "MPO") and not image.info.get("jfif_unit")
    if not density or density[0] <= 1 or is_pillows:
        return None
    density = tuple(round(float(side)) for side in density)
    return density[::-1] if exif.get(ORIENTATION, 1) >= 5 else density


@pytest.mark.filterwarnings("ignore")  # Pillow's, about its own palettes
@pytest.mark.parametrize("name", KINDS)
def test_result_is_the_photograph_and_keeps_what_it_held(name, photo, model, tmp_path):
    ending, number = name.rpartition(".")[2], list(KINDS).index(name)
    others = [target for target in TARGETS if target != ending]
    says_all = ending in TELLING and ("OpenCV" not in name or ending == "png")
    for told in ALL_TOLD if says_all else ALL_TOLD[:3]:
        path = tmp_path / f"{told.orientation} {name}"
        KINDS[name](path, photo, told)
        if name in REFUSED:
            with pytest.raises(InputError, match=REFUSED[name]):
                read_photo(path)
            continue
        larger, source = upscale_photo(read_photo(path), model, AS_IT_IS), seen(path)
        other = [others[(number + told.orientation) % len(others)]]
        for target in [path.name, *((*TARGETS, *SLOW_TARGETS) if IS_THOROUGH else other)]:
            result = with_writable_extension(tmp_path / f"result.{target}")
            remarks = " ".join(write_photo(result, larger))
            check(source, seen(result), format_of(result), remarks)
            if "16" in name:
                check_depth(result, remarks)


def check(source: Seen, result: Seen, file_format: Format, remarks: str) -> None:
    rounding = 2 if file_format.name in LOSSY else 0
    assert result.density == source.density or "density" in remarks
    assert np.ptp(result.colours, axis=2).max() <= (rounding if source.is_grey else 255)
    assert result.profile == source.profile or "profile" in remarks
    if "RGB became sRGB, by its profile" in remarks:
        source = source._replace(colours=source.colours[..., ::-1])
    if (result.opacity == 255).all():
        assert (source.opacity == 255).all() or "transparency was laid over white" in remarks
        difference = result.over_white[::2, ::2] - source.over_white
    else:
        assert np.abs(result.opacity[::2, ::2] - source.opacity).max() <= rounding
        difference = (result.colours[::2, ::2] - source.colours)[source.opacity >= 8]  # the rest is hardly seen
    if file_format.name in LOSSY:
        assert np.abs(difference).mean() <= LOSSY[file_format.name]
    else:
        assert np.abs(difference).max() <= 2


def check_depth(path: Path, remarks: str) -> None:
    if "bits" in remarks:
        assert "of its 16 bits were used" in remarks or "16 bits were rounded" in remarks
    else:
        assert len(np.unique(cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED))) > 256
