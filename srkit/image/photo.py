"""Photographs as people have them: 8 or 16 bits, colour or grey, transparent or not, with a profile and metadata."""

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from srkit.errors import InputError
from srkit.image.compression import is_lossy, usual_format
from srkit.image.depth import is_white_0, read_16_bits, read_most, unread_white
from srkit.image.io import MAX_PIXELS, opened
from srkit.image.metadata import (
    ORIENTATION_TAG,
    has_odd_pixels,
    read_density,
    read_exif,
    read_iptc,
    read_texts,
    read_xmp,
    to_srgb,
)
from srkit.image.png_colours import read_png_colours

_PLANES = 284  # a tag of TIFF
_ON_ITS_SIDE = (5, 6, 7, 8)  # orientations


@dataclass(frozen=True)
class Photo:
    """A photograph with all that its file says of it.

    Attributes:
        pixels: The upright image: uint8 or uint16 array of shape (height, width, 3), RGB, or (height, width), grey.
        alpha: The opacity: array of the pixels' type and of shape (height, width). None if everything is opaque.
        exif: The EXIF without the orientation, since the pixels are upright. None if there is none.
        xmp: Adobe's metadata as XML. None if there is none.
        iptc: The captions of agencies and archives (IPTC-IIM). None if there are none.
        texts: The texts of PNG by their keys; a comment of JPEG has the key `Comment`.
        density: How many pixels are printed to an inch, across and down. None if the file does not say. An upscaled
            photograph keeps it: printed, it is larger.
        profile: The ICC profile that gives the pixels their colours. None means sRGB.
        format: The name of the format that it was read from, such as `JPEG` or `WEBP`. None if it is not from a file.
        is_lossy: Whether that file's compression has lost detail; see `srkit.image.is_lossy`.
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
    iptc: bytes | None = None
    texts: dict[str, str] = field(default_factory=dict)
    density: tuple[float, float] | None = None
    profile: bytes | None = None
    format: str | None = None
    is_lossy: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def is_grey(self) -> bool:
        """Whether the pixels have one channel."""
        return self.pixels.ndim == 2

    def to_rgb(self) -> np.ndarray:
        """Returns what there is to see: uint8 RGB, with 16 bits rounded to 8, and transparency laid over white."""
        pixels, alpha = (
            cv2.convertScaleAbs(image, alpha=1 / 257) if image is not None and image.dtype == np.uint16 else image
            for image in (self.pixels, self.alpha)
        )
        pixels = np.dstack([pixels] * 3) if self.is_grey else pixels
        if alpha is None:
            return pixels
        picture = Image.fromarray(pixels)
        return np.asarray(Image.composite(picture, Image.new("RGB", picture.size, "white"), Image.fromarray(alpha)))

    def replace(self, *remarks: str, **changes) -> "Photo":
        """Returns a copy with some attributes changed, and with remarks that say so."""
        return dataclasses.replace(self, remarks=(*self.remarks, *remarks), **changes)

    def stripped(self) -> "Photo":
        """Returns a copy with nothing but the picture and its colours."""
        return self.replace(exif=None, xmp=None, iptc=None, texts={}, density=None)


def read_photo(path: "str | os.PathLike", max_pixels: int = MAX_PIXELS) -> Photo:
    """Reads a photograph with its depth, transparency, profile and metadata.

    Palettes become RGB, CMYK and Lab become sRGB, and so does the gamma of a PNG file. If a file holds several
    pictures, the first is taken.

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
        source = {"format": usual_format(image), "is_lossy": is_lossy(image)}
        if getattr(image, "is_animated", False) and image.format != "PSD":  # where the first shows all layers
            remarks.append("of several pictures in the file, the first was taken")
        most = read_most(image)
        is_deep = most > 255
        tags = image.tag_v2 if image.format == "TIFF" else {}
        if image.mode == "I" and not is_deep:
            raise InputError(f"{path} holds 32-bit values of unknown range: save it with 8 or 16 bits.")
        if is_deep and tags.get(_PLANES) == 2:
            raise InputError(f"{path} cannot be read: save its 16 bits with the channels interleaved, not in planes.")
        exif, unreadable = read_exif(image)
        if unreadable:
            image.info.pop("exif", None)  # or nothing else would be read
            remarks.append("the EXIF is damaged and was left out")
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
        upright = ImageOps.exif_transpose(image)
        told, told_remarks = _told_by(image, exif, orientation)
        remarks += told_remarks
        colours = read_png_colours(image, path)
    profile = colours.profile or upright.info.get("icc_profile")
    if upright.mode in ("CMYK", "LAB"):
        upright, remark = to_srgb(upright, profile)
        profile = None
        remarks.append(remark)
    channels = _channels(upright)
    if is_deep and channels.dtype == np.uint8:
        # OpenCV turns TIFF files by itself.
        clear = upright.info.get("transparency")
        deep = read_16_bits(Path(path).read_bytes(), channels, most, clear, orientation=1 if tags else orientation)
        if deep is None and image.format == "JPEG2000":
            raise InputError(unread_white(str(path), most))
        if deep is None:
            remarks.append(f"8 of its {most.bit_length()} bits were used")
        else:
            channels = deep
    elif is_white_0(image):
        channels = 65535 - channels
    pixels, alpha = _split(channels)
    return Photo(
        pixels=colours.applied(pixels),
        alpha=alpha,
        exif=exif,
        xmp=read_xmp(upright),
        profile=profile,
        remarks=(*remarks, *colours.remarks),
        **told,
        **source,
    )


def _told_by(image: Image.Image, exif: Image.Exif | None, orientation: int) -> tuple[dict, list[str]]:
    """The captions, texts and density of a decoded image, and remarks on what was left out."""
    remarks = []
    texts, are_all = read_texts(image)
    if not are_all:
        remarks.append("raw profiles among its texts were left out")
    density = read_density(image, exif)
    if density and orientation in _ON_ITS_SIDE:
        density = density[::-1]
    if density is None and has_odd_pixels(image):
        remarks.append("that its pixels are not square (the aspect) was left out")
    return {"iptc": read_iptc(image), "texts": texts, "density": density}, remarks


def _split(channels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels, grey or RGB, and the opacity; None if everything is opaque."""
    pixels, alpha = (channels[..., :-1], channels[..., -1]) if channels.shape[2] in (2, 4) else (channels, None)
    if alpha is not None and alpha.min() == np.iinfo(alpha.dtype).max:
        alpha = None
    return pixels[..., 0] if pixels.shape[2] == 1 else pixels, alpha


def _channels(image: Image.Image) -> np.ndarray:
    """The channels, grey or RGB and the opacity if any: array of shape (height, width, 1 to 4).

    uint16 for 16-bit grey, else uint8.
    """
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.uint16)
        clear = image.info.get("transparency")  # the grey level that is transparent, in PNG
        return np.dstack([grey] if clear is None else [grey, np.where(grey == clear, 0, 65535).astype(np.uint16)])
    grey = image.mode in ("1", "L", "LA", "La")
    mode = ("L" if grey else "RGB") + ("A" if image.has_transparency_data else "")
    return np.atleast_3d(np.asarray(image.convert(mode)))
