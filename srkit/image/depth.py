"""Images of more than 8 bits, of which Pillow keeps 8 except in grey ones: how many there are, and all of them."""

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from srkit.image.metadata import ORIENTATION_TAG

_BITS_PER_SAMPLE = 258  # a tag of TIFF
_HEADER_BYTES = 65_536


def read_most(image: Image.Image, path: "str | os.PathLike") -> int:
    """The value of white in an opened image file: 255 for 8 bits and fewer, 65535 for 16, 1023 for 10."""
    layout = image.tile[0][3] if image.tile else ""
    if image.format == "TIFF":
        bits = max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,)))
    elif image.format == "PPM":
        named = layout[-1] if isinstance(layout, tuple) else 65_535 if ";16" in str(layout) else 255
        return max(named, 255) if isinstance(named, int) else 255
    elif image.format in ("JPEG2000", "AVIF"):
        with open(path, "rb") as file:
            bits = _bits_in_header(file.read(_HEADER_BYTES))
    else:
        bits = 16 if image.format == "PNG" and ";16" in str(layout) else 8
    return 2 ** max(bits, 8) - 1


def _bits_in_header(header: bytes) -> int:
    """Of JPEG 2000 in the marker SIZ (ISO 15444-1, A.5.1), of AVIF in the box pixi (ISO 23008-12, 6.5.6)."""
    size = header.find(b"\xff\x4f\xff\x51")
    if 0 <= size < len(header) - 42:
        return (header[size + 42] & 127) + 1
    pixels = header.find(b"pixi")
    return header[pixels + 9] if 0 <= pixels < len(header) - 9 and header[pixels + 8] else 8


def read_16_bits(
    path: "str | os.PathLike", shallow: np.ndarray, most: int, clear: tuple[int, int, int] | None, orientation: int
) -> np.ndarray | None:
    """Reads all bits of an image with OpenCV, since Pillow has reduced them; None if it reads another image.

    Args:
        path: Path of the file.
        shallow: The upright image as Pillow reads it: uint8 array of shape (height, width, channels).
        most: The value of white in the file.
        clear: The colour that is transparent, in the file's values.
        orientation: How the image is still to be turned.

    Returns:
        uint16 array of the same shape, in which white is 65535.
    """
    try:
        deep = cv2.imdecode(np.frombuffer(Path(path).read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if deep is None or deep.dtype != np.uint16 or deep.ndim != 3:
        return None
    deep = cv2.cvtColor(deep, cv2.COLOR_BGRA2RGBA if deep.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    if clear is not None:
        is_clear = (deep[..., :3] == clear).all(axis=2)
        deep = np.dstack([deep[..., :3], np.where(is_clear, 0, most).astype(np.uint16)])
    if most < 65_535:
        deep = np.rint(np.minimum(deep, most) * np.float32(65_535 / most)).astype(np.uint16)
    deep = np.dstack([_turned(deep[..., channel], orientation) for channel in range(deep.shape[2])])
    if deep.shape != shallow.shape:
        return None
    difference = (deep[..., :3] >> 8).astype(np.int16) - shallow[..., :3]
    return deep if np.abs(difference).mean() <= 1 else None


def _turned(channel: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(channel)
    image.getexif()[ORIENTATION_TAG] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
