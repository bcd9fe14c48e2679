"""Whether an image comes from a file whose compression has lost detail."""

import os

import numpy as np
from PIL import Image

from srkit.image.formats import FORMATS
from srkit.image.io import opened

_LOSSY = frozenset({entry.name for entry in FORMATS.values() if entry.quality} | {"JPEG2000"})
_PICTURE_CHUNKS = {b"VP8 ": True, b"VP8L": False}  # of WebP; whether they are lossy


def is_lossy(source: "str | os.PathLike | bytes | Image.Image | np.ndarray") -> bool:
    """Whether an image comes from a file whose compression has lost detail, as JPEG does.

    What counts is the content of the file, not its name. WebP is lossy or not, file by file. HEIC, AVIF and JPEG 2000
    count as lossy, although some files are not. Of an array nothing is known: it counts as not lossy.

    Args:
        source: A path, the bytes of an image file, a PIL image, or an array.

    Raises:
        InputError: The source is not an image that can be read; the message names it.

    >>> is_lossy(np.zeros((2, 3, 3), np.uint8))
    False
    """
    if isinstance(source, np.ndarray):
        return False
    if not isinstance(source, Image.Image):
        with opened(source) as image:
            return is_lossy(image)
    if source.format == "WEBP":
        return _is_lossy_webp(source)
    if source.format == "TIFF":
        return "jpeg" in source.info.get("compression", "")
    return usual_format(source) in _LOSSY


def usual_format(image: Image.Image) -> str | None:
    """Pillow's name of the format that an image was read from; JPEG for its kind with several pictures (MPO)."""
    return "JPEG" if image.format == "MPO" else image.format


def _is_lossy_webp(image: Image.Image) -> bool:
    """What the first chunk with a picture says; True where the file has been closed, since most are lossy."""
    if image.fp is None:
        return True
    image.fp.seek(12)  # behind the file's header
    while len(head := image.fp.read(8)) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name in _PICTURE_CHUNKS:
            return _PICTURE_CHUNKS[name]
        # A frame of an animation holds chunks of its own, behind 16 bytes; others are passed over, padded to even.
        image.fp.seek(16 if name == b"ANMF" else length + length % 2, os.SEEK_CUR)
    return True
