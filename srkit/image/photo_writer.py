"""Writing photographs with as much of their depth, opacity, profile and metadata as the format can hold."""

import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from srkit.files import write_atomically
from srkit.image.formats import FORMATS, Format, check_target
from srkit.image.metadata import IPTC_TAG, XMP_TAG, iptc_marker, says_density, to_srgb, with_density, with_size
from srkit.image.photo import Photo
from srkit.image.pixels import to_uint8

_BAND_ROWS = 256
_CODESTREAMS = (".j2k", ".j2c", ".jpc")  # of JPEG 2000, without the boxes of a .jp2 file
_METRES_PER_INCH = 0.0254


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
    if Path(path).suffix.lower() in _CODESTREAMS:
        options["no_jp2"] = True
    try:
        write_atomically(path, lambda file: _save(file, file_format.name, photo, options), overwrite)
    except (OSError, MemoryError):
        raise
    except Exception:  # what EXIF of any origin makes Pillow raise, above all where a format bounds its length
        if photo.exif is None and not (photo.xmp or photo.iptc or photo.texts):
            raise
        remark = f"its EXIF, XMP, captions and texts do not fit into {file_format.name}, and were left out"
        photo = photo.replace(remark, exif=None, xmp=None, iptc=None, texts={})
        write_atomically(path, lambda file: _save(file, file_format.name, photo, options), overwrite)
    return photo.remarks


def _fit(photo: Photo, file_format: Format) -> Photo:
    """Changes or leaves out what the format cannot hold, and says so in remarks."""
    name = file_format.name
    holds_profile = file_format.profile == "all" or (file_format.profile == "colour" and not photo.is_grey)
    if photo.pixels.dtype == np.uint16 and (file_format.bits < 16 or (photo.profile and not holds_profile)):
        that = f"that {name} holds" if file_format.bits < 16 else "in which a profile can be applied"
        photo = photo.replace(
            f"16 bits were rounded to the 8 {that}",
            pixels=_in_bands(_to_8_bits, photo.pixels),
            alpha=None if photo.alpha is None else _in_bands(_to_8_bits, photo.alpha),
        )
    if photo.alpha is not None and not file_format.alpha:
        photo = photo.replace(
            f"its transparency was laid over white, since {name} holds none",
            pixels=_in_bands(_over_white, photo.pixels, photo.alpha),
            alpha=None,
        )
    photo = _fit_metadata(photo, file_format)
    if photo.profile and not holds_profile:
        rgb, remark = to_srgb(Image.fromarray(photo.pixels), photo.profile)
        photo = photo.replace(remark, pixels=np.asarray(rgb), profile=None)
    return photo


def _fit_metadata(photo: Photo, file_format: Format) -> Photo:
    """Leaves out the metadata that the format cannot hold, and says so in remarks."""
    also, why = file_format.also, f"left out, since {file_format.name} holds none"
    if (photo.exif is not None or photo.xmp) and not file_format.metadata:
        photo = photo.replace(f"EXIF and XMP were {why}", exif=None, xmp=None)
    if photo.density and not (file_format.metadata or "density" in also):
        photo = photo.replace(f"the density (pixels per inch) was {why}", density=None)
    if photo.iptc and "iptc" not in also:
        photo = photo.replace(f"captions (IPTC) were {why}", iptc=None)
    if photo.texts and "texts" not in also:
        held = {key: text for key, text in photo.texts.items() if key == "Comment" and "comment" in also}
        if held != photo.texts:
            photo = photo.replace(f"texts and comments were {why}", texts=held)
    return photo


def _in_bands(function: Callable[..., np.ndarray], image: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The image that `function` makes, computed some rows at a time, since it needs floats in between."""
    result = np.empty(image.shape, function(image[:1], *(other[:1] for other in others)).dtype)
    for top in range(0, len(image), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        result[rows] = function(image[rows], *(other[rows] for other in others))
    return result


def _over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    most = np.iinfo(pixels.dtype).max
    opacity = alpha / np.float32(most)
    opacity = opacity if pixels.ndim == 2 else opacity[..., None]
    return np.rint(pixels * opacity + most * (1 - opacity)).astype(pixels.dtype)


def _to_8_bits(image: np.ndarray) -> np.ndarray:
    return to_uint8(image / np.float32(257))


def _save(file: BinaryIO, file_format: str, photo: Photo, options: dict) -> None:
    pixels = photo.pixels if photo.alpha is None else np.dstack([photo.pixels, photo.alpha])
    if photo.is_grey and not FORMATS[file_format].grey:
        pixels = np.atleast_3d(pixels)[..., [0, 0, 0, 1][: 3 if photo.alpha is None else 4]]
    if file_format == "PPM" and pixels.dtype == np.uint16:
        _save_ppm_16_bits(file, pixels)
        return
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
    if photo.density:
        options["dpi"] = photo.density
        if says_density(exif) or "density" not in FORMATS[file_format].also:
            with_density(exif, photo.density)
    elif file_format in ("BMP", "DIB"):
        options["dpi"] = 0, 0  # says that it is not known, where Pillow would say 96
    if file_format == "TIFF":
        exif.update({tag: content for tag, content in ((XMP_TAG, photo.xmp), (IPTC_TAG, photo.iptc)) if content})
    elif file_format == "PNG":
        options["pnginfo"] = _png_texts(photo)
    elif photo.xmp:
        options["xmp"] = photo.xmp
    if file_format == "JPEG":
        options["comment"] = photo.texts.get("Comment", "").encode()
        options["extra"] = iptc_marker(photo.iptc) if photo.iptc else b""
    if len(exif):
        options["exif"] = exif.tobytes() if file_format == "JXL" else exif
    image.save(file, format=file_format, **options)


def _png_texts(photo: Photo) -> PngInfo:
    """The XMP and the texts, as chunks."""
    info = PngInfo()
    if photo.xmp:
        info.add_itxt("XML:com.adobe.xmp", photo.xmp.decode("utf-8", "replace"))
    for key, text in photo.texts.items():
        info.add_text(key, text)
    return info


def _save_ppm_16_bits(file: BinaryIO, pixels: np.ndarray) -> None:
    """Grey or RGB, with the more significant byte first."""
    height, width = pixels.shape[:2]
    file.write(f"P{5 if pixels.ndim == 2 else 6}\n{width} {height}\n65535\n".encode())
    file.write(np.ascontiguousarray(pixels, ">u2").tobytes())


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
    if photo.density:
        across, down = (round(side / _METRES_PER_INCH) for side in photo.density)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
        if says_density(exif):
            with_density(exif, photo.density)
    if photo.profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.profile)))
    if len(exif):
        chunks.append((b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    chunks += [(kind, content) for kind, content, *_ in _png_texts(photo).chunks]
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
