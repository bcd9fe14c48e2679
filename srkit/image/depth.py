"""Images of more than 8 bits, of which Pillow keeps 8 except in grey ones: how many there are, and all of them."""

import cv2
import numpy as np
from PIL import Image, ImageOps

from srkit.errors import InputError
from srkit.image.metadata import ORIENTATION_TAG

_BITS_PER_SAMPLE, _PHOTOMETRIC = 258, 262  # tags of TIFF
_HEADER_BYTES = 65_536
_LARGEST_DIFFERENCE = 8  # of two readers, in 8 bits: beyond it they mean different things


def read_most(image: Image.Image) -> int:
    """The largest value in an image file that is not decoded yet: 255 for 8 bits or fewer, 1023 for 10."""
    layout = image.tile[0][3] if image.tile else ""
    if image.format == "TIFF":
        bits = max(image.tag_v2.get(_BITS_PER_SAMPLE, (8,)))
    elif image.format == "PPM":
        named = layout[-1] if isinstance(layout, tuple) else 65_535 if ";16" in str(layout) else 255
        return max(named, 255) if isinstance(named, int) else 255
    elif image.format in ("JPEG2000", "AVIF"):
        image.fp.seek(0)
        bits = _bits_in_header(image.fp.read(_HEADER_BYTES))
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


def is_white_0(image: Image.Image) -> bool:
    """Whether white is 0 in an opened TIFF file of 16-bit grey: Pillow inverts only the like with 8 bits."""
    return image.format == "TIFF" and image.mode.startswith("I") and image.tag_v2.get(_PHOTOMETRIC) == 0


def read_16_bits(
    content: bytes, shallow: np.ndarray, most: int, clear: tuple[int, int, int] | None = None, orientation: int = 1
) -> np.ndarray | None:
    """Reads all bits of an image with OpenCV, since Pillow has reduced them; None if it reads another image.

    Args:
        content: The file's bytes.
        shallow: The upright image as Pillow reads it: uint8 array of shape (height, width, channels).
        most: The largest value in the file.
        clear: The colour that is transparent, in the file's values.
        orientation: How the image is still to be turned.

    Returns:
        uint16 array of the same shape, in which white is 65535.
    """
    try:
        deep = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
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
    deep = deep[..., : shallow.shape[2]]  # of a fourth channel without a meaning Pillow says nothing
    if deep.shape != shallow.shape:
        return None
    # In 8 bits Pillow rounds what is nearly white in JPEG 2000 up to 0: differences go around, 255 and 0 differ by 1.
    differences = np.abs(((deep >> 8).astype(np.uint8) - shallow).view(np.int8).astype(np.int16))
    return deep if differences.mean() <= 1 and differences.max() <= _LARGEST_DIFFERENCE else None


def with_white(image: Image.Image, name: str) -> Image.Image:
    """The image; of JPEG 2000 with more than 8 bits as OpenCV reads it, since Pillow makes white black.

    Args:
        image: An image file that is not yet decoded.
        name: What a message calls it.

    Raises:
        InputError: OpenCV does not read it.
    """
    if image.format != "JPEG2000" or image.mode.startswith("I") or (most := read_most(image)) == 255:
        return image
    image.fp.seek(0)
    deep = read_16_bits(image.fp.read(), np.asarray(image), most)
    if deep is None:
        raise InputError(unread_white(name, most))
    return Image.fromarray((deep >> 8).astype(np.uint8))


def unread_white(name: str, most: int) -> str:
    """The sentence on a JPEG 2000 file of more than 8 bits that OpenCV does not read."""
    return f"{name} holds {most.bit_length()} bits in a way that cannot be read: save it as PNG or TIFF."


def _turned(channel: np.ndarray, orientation: int) -> np.ndarray:
    image = Image.fromarray(channel)
    image.getexif()[ORIENTATION_TAG] = orientation
    return np.asarray(ImageOps.exif_transpose(image))
