"""Reading and writing images by the kit's one convention: uint8 RGB arrays of shape (height, width, 3)."""

import contextlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from srkit.errors import InputError
from srkit.files import write_atomically
from srkit.image.depth import is_white_0, with_white
from srkit.image.formats import check_target
from srkit.image.pixels import to_uint8
from srkit.image.refusals import refuse_unknown_values, why_unidentified

MAX_PIXELS = 200_000_000

_MODES_16_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


def read_image(source: "str | os.PathLike | bytes | Image.Image | np.ndarray") -> np.ndarray:
    """Reads an image as uint8 RGB, upright.

    The EXIF orientation is applied, transparency is laid over white, 16 bits are rounded to 8, grey becomes three
    equal channels, CMYK and palettes become RGB. If a file holds several pictures, the first is taken. To keep all
    that a file holds, use `srkit.image.read_photo`.

    Args:
        source: A path, the bytes of an image file, a PIL image, or an array or tensor: uint8 of shape (height, width),
            (height, width, 1) or (height, width, 3).

    Returns:
        uint8 array of shape (height, width, 3), RGB.

    Raises:
        InputError: The source is not an image that can be read; the message names it.

    >>> read_image(np.zeros((2, 3), np.uint8)).shape
    (2, 3, 3)
    """
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    if hasattr(source, "__array__"):  # tensors, too
        return _from_array(np.asarray(source))
    if not isinstance(source, str | os.PathLike | bytes):
        raise InputError(
            f"An image is a path or a uint8 array; received a {type(source).__name__}: give a uint8 array."
        )
    with opened(source) as image:
        return _to_rgb(with_white(image, "the given bytes" if isinstance(source, bytes) else str(source)))


@contextlib.contextmanager
def opened(source: "str | os.PathLike | bytes", max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Opens an image file with Pillow, and turns what goes wrong with it in the block into an InputError.

    Args:
        source: A path, or the bytes of an image file.
        max_pixels: Most pixels that the file may claim to hold. A small file can claim any number, and would take as
            much memory.

    Yields:
        The PIL image, not yet decoded.

    Raises:
        InputError: The source is not an image that can be read; the message names it.
    """
    name = "the given bytes" if isinstance(source, bytes) else str(source)
    try:
        if not isinstance(source, bytes) and Path(source).exists() and not Path(source).is_file():
            kind = "a folder" if Path(source).is_dir() else "a device or a pipe"
            raise InputError(f"{name} is {kind}; an image file was expected.")
        with io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb") as file:
            try:
                image = _open(file, "" if isinstance(source, bytes) else os.fspath(source))
            except UnidentifiedImageError:
                raise InputError(why_unidentified(file, name)) from None
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{name} claims to hold {width}x{height} px, and was not opened: "
                    f"at most {max_pixels / 1e6:g} megapixels are allowed. `upscale --max-pixels` allows more."
                )
            refuse_unknown_values(image, name)
            yield image
    except (InputError, MemoryError):
        raise
    except FileNotFoundError:
        raise InputError(f"There is no file {name}.") from None
    except PermissionError:
        raise InputError(f"{name} may not be read: check its permissions.") from None
    except Exception as error:  # Pillow's readers raise nearly every kind on damaged files
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{name} cannot be read: {error.strerror}.") from None
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(f"{name} is damaged or cut short, and cannot be read ({reason}).") from None


def _open(file: BinaryIO, name: "str | bytes") -> Image.Image:
    """`Image.open`, but without its limit on the number of pixels.

    That limit belongs to the whole process: it cannot be lifted for one call while other threads read images.
    """
    start = file.read(16)
    tried = set()
    for load_plugins in (Image.preinit, Image.init):  # the common formats first, which come much faster
        load_plugins()
        for kind in [kind for kind in Image.ID if kind not in tried]:
            tried.add(kind)
            open_file, accepts = Image.OPEN[kind]
            with contextlib.suppress(SyntaxError, IndexError, TypeError, struct.error):  # not of this format
                accepted = not accepts or accepts(start)
                if accepted and not isinstance(accepted, str):  # a text says what is missing to read it
                    file.seek(0)
                    return open_file(file, name)
    raise UnidentifiedImageError


def _from_array(array: np.ndarray) -> np.ndarray:
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3)):
        raise InputError(
            "An image array must be uint8 of shape (height, width, 3), RGB; "
            f"received {array.dtype} of shape {array.shape}."
        )
    if array.ndim == 2:
        array = array[..., None]
    return np.repeat(array, 3, axis=2) if array.shape[2] == 1 else array


def _to_rgb(image: Image.Image) -> np.ndarray:
    is_inverted = is_white_0(image)
    image = ImageOps.exif_transpose(image)
    if image.mode in _MODES_16_BIT or image.mode == "I":  # Pillow would clip these at 255 instead of scaling them
        grey = 65_535 - np.asarray(image, np.float32) if is_inverted else np.asarray(image, np.float32)
        # Mode "I" holds 32 bits, but files in it hold 8 or 16.
        is_16_bit = image.mode != "I" or grey.max(initial=0) > 255
        grey8 = to_uint8(grey * (255 / 65535)) if is_16_bit else to_uint8(grey)
        return np.repeat(grey8[..., None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def write_image(path: "str | os.PathLike", image: np.ndarray, quality: int = 95) -> None:
    """Writes a uint8 RGB image in the format that the path's extension names.

    The file appears whole or not at all.

    Args:
        path: Path of the file. Its folder is created if there is none.
        image: uint8 array of shape (height, width, 3), RGB.
        quality: Quality of JPEG, WebP, AVIF and HEIC, 1 to 100.

    Raises:
        InputError: The extension names no format that can be written, the format cannot hold an image of this size, or
            the path is a folder.
    """
    file_format = check_target(path, width=image.shape[1], height=image.shape[0])
    options = {"quality": quality} if file_format.quality else {}
    write_atomically(path, lambda file: Image.fromarray(image).save(file, format=file_format.name, **options))
