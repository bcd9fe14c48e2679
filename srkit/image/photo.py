"""Photographs as people have them: 8 or 16 bits, colour or grey, transparent or not, with a profile and metadata."""

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from srkit.errors import InputError
from srkit.image.io import MAX_PIXELS, opened
from srkit.image.metadata import ORIENTATION_TAG, read_exif, read_xmp, to_srgb

_BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANES = 258, 262, 284  # tags of TIFF


@dataclass(frozen=True)
class Photo:
    """A photograph with all that its file says of it.

    Attributes:
        pixels: The upright image: uint8 or uint16 array of shape (height, width, 3), RGB, or (height, width), grey.
        alpha: The opacity: array of the pixels' type and of shape (height, width). None if everything is opaque.
        exif: The EXIF without the orientation, since the pixels are upright. None if there is none.
        xmp: Adobe's metadata as XML. None if there is none.
        profile: The ICC profile that gives the pixels their colours. None means sRGB.
        remarks: What was changed or left out on the way, a phrase each.

    ```python
    photo = read_photo("photo.tif")
    darker = photo.replace("made darker", pixels=photo.pixels // 2)
    remarks = write_photo("darker.tif", darker)
    ```
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
        """Returns a copy with some attributes changed, and with remarks that say so."""
        return dataclasses.replace(self, remarks=(*self.remarks, *remarks), **changes)


def read_photo(path: "str | os.PathLike", max_pixels: int = MAX_PIXELS) -> Photo:
    """Reads a photograph with its depth, transparency, profile and metadata.

    Palettes become RGB, CMYK and Lab become sRGB. If a file holds several pictures, the first is taken.

    Args:
        path: Path of an image file.
        max_pixels: Most pixels that the file may claim to hold.

    Returns:
        The photograph.

    Raises:
        InputError: The file is not an image that can be read; the message names it.
    """
    remarks = []
    with opened(path, max_pixels) as image:
        if getattr(image, "is_animated", False):
            remarks.append("of several pictures in the file, the first was taken")
        is_16_bit = _is_16_bit(image)
        tags = image.tag_v2 if image.format == "TIFF" else {}
        if image.mode == "I" and not is_16_bit:
            raise InputError(f"{path} holds 32-bit values of unknown range: save it with 8 or 16 bits.")
        if is_16_bit and tags.get(_PLANES) == 2:
            raise InputError(f"{path} cannot be read: save its 16 bits with the channels interleaved, not in planes.")
        exif, unreadable = read_exif(image)
        if unreadable:
            image.info.pop("exif", None)  # or nothing else would be read
            remarks.append("the EXIF is damaged and was left out")
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
        upright = ImageOps.exif_transpose(image)
    profile = upright.info.get("icc_profile")
    if upright.mode in ("CMYK", "LAB"):
        upright, remark = to_srgb(upright, profile)
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
        xmp=read_xmp(upright),
        profile=profile,
        remarks=tuple(remarks),
    )


def _is_16_bit(image: Image.Image) -> bool:
    """Whether the file holds 16 bits for each channel. Pillow keeps them in grey images only."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,))) == 16
    layout = str(image.tile[0][3]) if image.tile else ""
    return image.format in ("PNG", "PPM") and (";16" in layout or "65535" in layout)


def _channels(image: Image.Image) -> np.ndarray:
    """The channels, grey or RGB and the opacity if any: array of shape (height, width, 1 to 4).

    uint16 for 16-bit grey, else uint8.
    """
    if image.mode.startswith("I"):
        return np.atleast_3d(np.asarray(image).astype(np.uint16))
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return np.atleast_3d(np.asarray(image.convert(mode)))


def _read_16_bits(path: "str | os.PathLike", channels: np.ndarray, orientation: int) -> np.ndarray | None:
    """Reads the 16 bits of the image with OpenCV, since Pillow has reduced them; None if it reads another image."""
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
    image.getexif()[ORIENTATION_TAG] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
