"""Photographs as people have them: 8 or 16 bits, colour or grey, transparent or not, with a profile and metadata."""

import dataclasses
import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms, ImageOps
from PIL.PngImagePlugin import PngInfo

from srkit.errors import InputError
from srkit.files import write_atomically
from srkit.image import io as images

# What files of a format, as written here, can hold beside colours of 8 bits.
_HOLD_16_BITS = frozenset({"PNG", "TIFF"})
_HOLD_ALPHA = frozenset({"PNG", "TIFF", "WEBP", "AVIF", "HEIF", "JPEG2000"})
_HOLD_METADATA = frozenset({"PNG", "TIFF", "JPEG", "WEBP", "AVIF", "HEIF"})
_HOLD_COLOUR_ONLY = frozenset({"WEBP", "AVIF", "HEIF"})
_TAKE_QUALITY = frozenset({"JPEG", "WEBP", "AVIF", "HEIF"})
NO_PHOTOGRAPHS = frozenset({"GIF", "ICO", "ICNS"})  # 256 colours, or sides of a few sizes
_LARGEST_SIDE_PX = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_536, "HEIF": 16_384}

_BITS_PER_SAMPLE, _PHOTOMETRIC, _ORIENTATION, _PLANES, _XMP = 258, 262, 274, 284, 700
_ORIENTATION_IN_XMP = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[2-8]""")
_EXIF_IFD, _GPS_IFD = 0x8769, 0x8825
_BAND_ROWS = 256
_EXIF_WIDTH, _EXIF_HEIGHT = 0xA002, 0xA003
# Tags by which a TIFF file says how its pixels are stored; they lie among those that tell of the photograph.
_TIFF_LAYOUT = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 280, 281, 284, 290, 291, 292, 293, 297, 301, 317, 318}
    | {319, 320, 321, 322, 323, 324, 325, 330, 332, 338, 339, 340, 341, 347, 512, 513, 514, 529, 530, 531, 532, 34675}
    | {_ORIENTATION, _XMP, 34377, 37724}
)


@dataclass(frozen=True)
class Photo:
    """A photograph with all that its file says of it.

    Attributes:
        pixels: Upright; uint8 or uint16 array of shape (height, width, 3), RGB, or (height, width), grey.
        alpha: The opacity, an array of the pixels' type and of shape (height, width); None where all is opaque.
        exif: Without the orientation, which the pixels have.
        xmp: Adobe's metadata, XML.
        profile: The ICC profile by which the pixels are to be understood; without one it is sRGB.
        remarks: What was changed or left out on the way, a phrase each.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    exif: Image.Exif | None = None
    xmp: bytes | None = None
    profile: bytes | None = None
    remarks: tuple[str, ...] = ()

    @property
    def is_grey(self) -> bool:
        """Whether the pixels have one channel."""
        return self.pixels.ndim == 2

    def replace(self, *remarks: str, **changes) -> "Photo":
        """A copy with some attributes changed, and remarks that say so."""
        return dataclasses.replace(self, remarks=(*self.remarks, *remarks), **changes)


def read_photo(path: "str | os.PathLike", max_pixels: int = images.MAX_PIXELS) -> Photo:
    """Reads a photograph with its depth, transparency, profile and metadata.

    Palettes become RGB, CMYK and Lab become sRGB, and of several pictures in a file the first is taken.

    Args:
        path: An image file.
        max_pixels: Files that claim to hold more are refused.

    Returns:
        The photograph, upright.

    Raises:
        InputError: The file is not an image that can be read; the message names it.
    """
    remarks = []
    with images.opened(path, max_pixels) as image:
        if getattr(image, "is_animated", False):
            remarks.append("of several pictures in the file, the first was taken")
        is_16_bit = _is_16_bit(image)
        tags = image.tag_v2 if image.format == "TIFF" else {}
        if image.mode == "I" and not is_16_bit:
            raise InputError(f"{path} holds values of 32 bits, whose range is not known: save it with 8 or 16 bits.")
        if is_16_bit and tags.get(_PLANES) == 2:
            raise InputError(f"{path} cannot be read: save its 16 bits with the channels interleaved, not in planes.")
        exif, unreadable = _exif(image)
        if unreadable:
            image.info.pop("exif", None)  # or nothing else would be read
            remarks.append("the EXIF is damaged and was left out")
        orientation = image.getexif().get(_ORIENTATION, 1)
        upright = ImageOps.exif_transpose(image)
    profile = upright.info.get("icc_profile")
    if upright.mode in ("CMYK", "LAB"):
        upright, remark = _to_srgb(upright, profile)
        profile = None
        remarks.append(remark)
    channels = _channels(upright)
    if is_16_bit and channels.dtype == np.uint8:
        # OpenCV turns TIFF files by itself.
        deep = _read_16_bits(path, channels, orientation=1 if tags else orientation)
        if deep is None:
            remarks.append("8 of its 16 bits were used")
        else:
            channels = deep
    elif is_16_bit and tags.get(_PHOTOMETRIC) == 0:  # white is 0, which Pillow inverts, but not with 16 bits
        channels = 65535 - channels
    pixels, alpha = (channels[..., :-1], channels[..., -1]) if channels.shape[2] in (2, 4) else (channels, None)
    if alpha is not None and alpha.min() == np.iinfo(alpha.dtype).max:
        alpha = None
    return Photo(
        pixels=pixels[..., 0] if pixels.shape[2] == 1 else pixels,
        alpha=alpha,
        exif=exif,
        xmp=_xmp(upright),
        profile=profile,
        remarks=tuple(remarks),
    )


def write_photo(path: "str | os.PathLike", photo: Photo, quality: int = 95) -> tuple[str, ...]:
    """Writes a photograph in the format that the path's extension names, with as much as that can hold.

    The file appears whole or not at all.

    Args:
        path: Where to; its folder is made if need be.
        photo: The photograph.
        quality: For JPEG, WebP, AVIF and HEIC, 1 to 100.

    Returns:
        The photograph's remarks, and what the format could not hold.

    Raises:
        InputError: The extension names no format that can be written, the format cannot hold an image of this size, or
            the path is a folder.
    """
    height, width = photo.pixels.shape[:2]
    check_target(path, width, height)
    file_format = images.format_of(path)
    photo = _fitted(photo, file_format)
    options = {"quality": quality} if file_format in _TAKE_QUALITY else {}
    try:
        write_atomically(path, lambda file: _save(file, file_format, photo, options))
    except (OSError, MemoryError):
        raise
    except Exception:  # what EXIF of any origin makes Pillow raise, above all where a format bounds its length
        if photo.exif is None and photo.xmp is None:
            raise
        photo = photo.replace(f"its EXIF and XMP do not fit into {file_format}, and were left out", exif=None, xmp=None)
        write_atomically(path, lambda file: _save(file, file_format, photo, options))
    return photo.remarks


def check_target(path: "str | os.PathLike", width: int, height: int) -> None:
    """Raises an InputError if a photograph of this size cannot be written at `path`: better before it is computed."""
    file_format = images.format_of(path)
    if file_format in NO_PHOTOGRAPHS:
        raise InputError(f"Cannot write {path}: {file_format} cannot hold a photograph. Choose .png or .jpg for it.")
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "may not be written to" if folder.is_dir() else "is a file"
        raise InputError(f"Cannot write {path}: {folder} {reason}.")
    largest = _LARGEST_SIDE_PX.get(file_format, max(width, height))
    if max(width, height) > largest:
        raise InputError(
            f"Cannot write {path}: {file_format} ends at {largest} px a side, and the result would have "
            f"{width}x{height} px. Choose .png or .tif for it."
        )


def _is_16_bit(image: Image.Image) -> bool:
    """Whether the file holds 16 bits for each channel, which Pillow keeps in grey images only."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) == 16
    layout = str(image.tile[0][3]) if image.tile else ""
    return image.format in ("PNG", "PPM") and (";16" in layout or "65535" in layout)


def _exif(image: Image.Image) -> tuple[Image.Exif | None, bool]:
    """A copy of the EXIF without what only holds for the file it came in; and whether it cannot be read."""
    try:
        exif = image.getexif()
        kept = Image.Exif()
        for tag in exif:
            if tag in (_EXIF_IFD, _GPS_IFD):
                kept[tag] = exif.get_ifd(tag)
            elif tag not in _TIFF_LAYOUT:
                kept[tag] = exif[tag]
        copy = Image.Exif()
        copy.load(kept.tobytes())
        copy.tobytes()
    except Exception:  # EXIF comes from any camera's and any program's hands
        return None, True
    return (copy if len(copy) else None), False


def _xmp(image: Image.Image) -> bytes | None:
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return _ORIENTATION_IN_XMP.sub(rb"\g<1>1", xmp) or None


def _channels(image: Image.Image) -> np.ndarray:
    """uint8 array, or uint16 for 16-bit grey, of shape (height, width, 1 to 4): grey or RGB, and opacity if any."""
    if image.mode.startswith("I"):
        return np.atleast_3d(np.asarray(image).astype(np.uint16))
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return np.atleast_3d(np.asarray(image.convert(mode)))


def _read_16_bits(path: "str | os.PathLike", channels: np.ndarray, orientation: int) -> np.ndarray | None:
    """Reads with OpenCV what Pillow has reduced to `channels`; None where the two do not agree."""
    try:
        deep = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if deep is None or deep.dtype != np.uint16 or deep.ndim != 3:
        return None
    deep = cv2.cvtColor(deep, cv2.COLOR_BGRA2RGBA if deep.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    deep = np.dstack([_turned(deep[..., channel], orientation) for channel in range(deep.shape[2])])
    agrees = deep.shape == channels.shape and np.abs((deep >> 8).astype(np.int16) - channels).max(initial=0) <= 1
    return deep if agrees else None


def _turned(channel: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(channel)
    image.getexif()[_ORIENTATION] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


def _to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """An image in RGB as sRGB understands it, and the remark that says how it was converted."""
    name = {"L": "grey"}.get(image.mode, image.mode)
    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        elif profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        else:
            return image.convert("RGB"), f"{name} without a profile became sRGB, by the plain formula"
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB"), f"{name} became sRGB, by its profile"
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image.convert("RGB"), f"its profile does not fit {name} and was left out: colours may differ"


def _fitted(photo: Photo, file_format: str) -> Photo:
    """What a format can hold of a photograph."""
    if photo.pixels.dtype == np.uint16 and file_format not in _HOLD_16_BITS:
        photo = photo.replace(
            f"16 bits were rounded to the 8 that {file_format} holds",
            pixels=_in_bands(_to_8_bits, photo.pixels),
            alpha=None if photo.alpha is None else _in_bands(_to_8_bits, photo.alpha),
        )
    if photo.alpha is not None and file_format not in _HOLD_ALPHA:
        photo = photo.replace(
            f"its transparency was laid over white, since {file_format} holds none",
            pixels=_in_bands(_over_white, photo.pixels, photo.alpha),
            alpha=None,
        )
    if (photo.exif is not None or photo.xmp) and file_format not in _HOLD_METADATA:
        photo = photo.replace(f"EXIF and XMP were left out, since {file_format} holds none", exif=None, xmp=None)
    grey_profile = photo.profile and photo.is_grey and file_format in _HOLD_COLOUR_ONLY
    if photo.profile and (file_format not in _HOLD_METADATA or grey_profile):
        rgb, remark = _to_srgb(Image.fromarray(photo.pixels), photo.profile)
        photo = photo.replace(remark, pixels=np.asarray(rgb), profile=None)
    return photo


def _in_bands(function: Callable[..., np.ndarray], image: np.ndarray, *others: np.ndarray) -> np.ndarray:
    """The uint8 image that `function` makes, of some rows at a time: as numbers with fractions all would be large."""
    result = np.empty(image.shape, np.uint8)
    for top in range(0, len(image), _BAND_ROWS):
        rows = slice(top, top + _BAND_ROWS)
        result[rows] = function(image[rows], *(other[rows] for other in others))
    return result


def _over_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    opacity = alpha / np.float32(255)
    opacity = opacity if pixels.ndim == 2 else opacity[..., None]
    return images.to_uint8(pixels * opacity + 255 * (1 - opacity))


def _to_8_bits(image: np.ndarray) -> np.ndarray:
    return images.to_uint8(image / np.float32(257))


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
    exif = _resized_exif(photo)
    options = dict(options)
    if photo.profile:
        options["icc_profile"] = photo.profile
    if photo.xmp and file_format == "TIFF":
        exif[_XMP] = photo.xmp
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
    """Puts the metadata that OpenCV does not write behind the header of the PNG file that it writes."""
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order))
    exif = _resized_exif(photo)
    chunks = []
    if photo.profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(photo.profile)))
    if len(exif):
        chunks.append((b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    if photo.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo.xmp))
    header_size = 8 + 25  # the signature and the chunk IHDR
    file.write(encoded[:header_size])
    for kind, content in chunks:
        checksum = zlib.crc32(kind + content)
        file.write(struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum))
    file.write(encoded[header_size:])


def _resized_exif(photo: Photo) -> Image.Exif:
    """The EXIF, empty if there is none, with the size that the photograph has now."""
    exif = Image.Exif()
    if photo.exif is not None:
        exif.load(photo.exif.tobytes())
    details = exif.get_ifd(_EXIF_IFD)
    for tag, side in ((_EXIF_HEIGHT, photo.pixels.shape[0]), (_EXIF_WIDTH, photo.pixels.shape[1])):
        if tag in details:
            details[tag] = side
    return exif
