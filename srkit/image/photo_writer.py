"""Writing photographs with as much of their depth, opacity, profile and metadata as the format can hold."""

import os
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from srkit.files import write_atomically
from srkit.image.formats import Format, check_target
from srkit.image.metadata import XMP_TAG, to_srgb, with_size
from srkit.image.photo import Photo
from srkit.image.pixels import to_uint8

_BAND_ROWS = 256


def write_photo(path: "str | os.PathLike", photo: Photo, quality: int = 95, overwrite: bool = True) -> tuple[str, ...]:
    """Writes a photograph in the format that the path's extension names, with as much as that can hold.

    The file appears whole or not at all.

    Args:
        path: Path of the file. Its folder is created if there is none.
        photo: The photograph.
        quality: Quality of JPEG, WebP, AVIF and HEIC, 1 to 100.
        overwrite: Whether it replaces what is at `path`, even what another process has put there meanwhile.

    Returns:
        The photograph's remarks, and what the format could not hold.

    Raises:
        InputError: The extension names no format that can be written, the format cannot hold an image of this size, or
            the path is a folder.
        FileExistsError: Something is at `path`, and `overwrite` is False.
    """
    height, width = photo.pixels.shape[:2]
    file_format = check_target(path, width, height)
    photo = _fit(photo, file_format)
    options = {"quality": quality} if file_format.quality else {}
    try:
        write_atomically(path, lambda file: _save(file, file_format.name, photo, options), overwrite)
    except (OSError, MemoryError):
        raise
    except Exception:  # what EXIF of any origin makes Pillow raise, above all where a format bounds its length
        if photo.exif is None and photo.xmp is None:
            raise
        remark = f"its EXIF and XMP do not fit into {file_format.name}, and were left out"
        photo = photo.replace(remark, exif=None, xmp=None)
        write_atomically(path, lambda file: _save(file, file_format.name, photo, options), overwrite)
    return photo.remarks


def _fit(photo: Photo, file_format: Format) -> Photo:
    """Changes or leaves out what the format cannot hold, and says so in remarks."""
    name = file_format.name
    if photo.pixels.dtype == np.uint16 and file_format.bits < 16:
        photo = photo.replace(
            f"16 bits were rounded to the 8 that {name} holds",
            pixels=_in_bands(_to_8_bits, photo.pixels),
            alpha=None if photo.alpha is None else _in_bands(_to_8_bits, photo.alpha),
        )
    if photo.alpha is not None and not file_format.alpha:
        photo = photo.replace(
            f"its transparency was laid over white, since {name} holds none",
            pixels=_in_bands(_over_white, photo.pixels, photo.alpha),
            alpha=None,
        )
    if (photo.exif is not None or photo.xmp) and not file_format.metadata:
        photo = photo.replace(f"EXIF and XMP were left out, since {name} holds none", exif=None, xmp=None)
    holds_profile = file_format.profile == "all" or (file_format.profile == "colour" and not photo.is_grey)
    if photo.profile and not holds_profile:
        rgb, remark = to_srgb(Image.fromarray(photo.pixels), photo.profile)
        photo = photo.replace(remark, pixels=np.asarray(rgb), profile=None)
    return photo


def _in_bands(function: Callable[..., np.ndarray], image: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The uint8 image that `function` makes, computed some rows at a time, since it needs floats in between."""
    result = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        result[rows] = function(image[rows], *(other[rows] for other in others))
    return result


def _over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha / np.float32(255)
    opacity = opacity if pixels.ndim == 2 else opacity[..., None]
    return to_uint8(pixels * opacity + 255 * (1 - opacity))


def _to_8_bits(image: np.ndarray) -> np.ndarray:
    return to_uint8(image / np.float32(257))


def _save(file: BinaryIO, file_format: str, photo: Photo, options: dict) -> None:
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    if pixels.dtype == np.uint8 or pixels.ndim == 2:
        _save_with_pillow(file, file_format, Image.fromarray(pixels), photo, options)
        return
    if pixels.shape[2] == 2:  # no library here writes 16-bit grey with opacity
        pixels = pixels[..., [0, 0, 0, 1]]
    if file_format == "PNG":
        _save_png_16_bits(file, pixels, photo)
    else:
        _save_tiff_16_bits(file, pixels, photo)


def _save_with_pillow(file: BinaryIO, file_format: str, image: Image.Image, photo: Photo, options: dict) -> None:
    exif = _exif(photo)
    options = dict(options)
    if photo.profile:
        options["icc_profile"] = photo.profile
    if photo.xmp and file_format == "TIFF":
        exif[XMP_TAG] = photo.xmp
    elif photo.xmp and file_format == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", photo.xmp.decode("utf-8", "replace"))
    elif photo.xmp:
        options["xmp"] = photo.xmp
    if len(exif):
        options["exif"] = exif
    image.save(file, format=file_format, **options)


def _save_tiff_16_bits(file: BinaryIO, pixels: np.ndarray, photo: Photo) -> None:
    """Has Pillow, which knows no 16-bit colours, write each pair of bytes as two pixels, and then corrects the tags."""
    height, width, channels = pixels.shape
    pairs = np.ascontiguousarray(pixels, "<u2").view(np.uint8).reshape(height, 2 * width, channels)
    _save_with_pillow(file, "TIFF", Image.fromarray(pairs), photo, {})
    file.seek(0)
    with tifffile.TiffFile(file, mode="r+") as tiff:
        tags = tiff.pages[0].tags
        tags["ImageWidth"].overwrite(width)
        tags["BitsPerSample"].overwrite((16,) * channels)


def _save_png_16_bits(file: BinaryIO, pixels: np.ndarray, photo: Photo) -> None:
    """Has OpenCV write the pixels, and puts the metadata behind the header of its PNG file.

    Pillow writes no 16-bit colours. `cv2.imencodeWithMetadata` is missing in OpenCV 4.10 and 4.11, and writes XMP as
    Latin-1 text, where it must be UTF-8 (PNG specification 1.2, chunks tEXt and iTXt).
    """
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order))
    exif = _exif(photo)
    chunks = []
    if photo.profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.profile)))
    if len(exif):
        chunks.append((b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    if photo.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo.xmp))
    header_bytes = 8 + 25  # the signature and the chunk IHDR
    file.write(encoded[:header_bytes])
    for kind, content in chunks:
        checksum = zlib.crc32(kind + content)
        file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum))
    file.write(encoded[header_bytes:])


def _exif(photo: Photo) -> Image.Exif:
    """The EXIF with the size that the photograph has now; empty if there is none."""
    height, width = photo.pixels.shape[:2]
    return with_size(photo.exif, width, height)
