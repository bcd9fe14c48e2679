"""Images and their one convention: uint8 RGB arrays of shape (height, width, 3)."""

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from srkit.errors import InputError
from srkit.files import is_hidden, write_atomically

try:
    import pillow_heif
except ImportError:
    _READS_HEIC = False
else:
    _READS_HEIC = True
    pillow_heif.register_heif_opener()

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic", ".heif"})
FORMAT_NAMES = "PNG, JPEG, WebP, TIFF, BMP, GIF, AVIF or HEIC"
MAX_PIXELS = 200_000_000

_open_lock = threading.Lock()

_TIFF_BITS, _TIFF_KIND = 258, 339  # tags; of the kinds 1 is unsigned, 4 not said
_MODES_16_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


def read_image(source: "str | os.PathLike | bytes | Image.Image | np.ndarray") -> np.ndarray:
    """Reads an image as uint8 RGB, upright.

    The EXIF orientation is applied, transparency is laid over white, of 16 bits 8 are kept, grey becomes three
    equal channels, CMYK and palettes become RGB, and of several frames the first is taken.

    Args:
        source: A path, the bytes of an image file, a PIL image, or an array: uint8 of shape (height, width),
            (height, width, 1) or (height, width, 3).

    Returns:
        A uint8 array of shape (height, width, 3), RGB.

    Raises:
        InputError: The source is not an image that can be read; the message names it.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    with opened(source) as image:
        return _to_rgb(image)


@contextlib.contextmanager
def opened(source: "str | os.PathLike | bytes", max_pixels: int = MAX_PIXELS) -> Iterator[Image.Image]:
    """Opens an image file with Pillow; what goes wrong in the block with a damaged file becomes an InputError.

    Args:
        source: A path, or the bytes of an image file.
        max_pixels: Files that claim to hold more are not decoded: a small file can ask for any amount of memory.

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
        with _open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{name} claims to hold {width}x{height} px, and was not opened: "
                    f"at most {max_pixels / 1e6:g} megapixels are allowed. `upscale --max-pixels` allows more."
                )
            _check_values(image, name)
            yield image
    except (InputError, MemoryError):
        raise
    except FileNotFoundError:
        raise InputError(f"There is no file {name}.") from None
    except UnidentifiedImageError:
        if name.lower().endswith((".heic", ".heif")) and not _READS_HEIC:
            raise InputError(f"{name} cannot be read: HEIC needs another package (pip install pillow-heif).") from None
        raise InputError(f"{name} is not an image that can be read ({FORMAT_NAMES}).") from None
    except PermissionError:
        raise InputError(f"{name} may not be read: check its permissions.") from None
    except Exception as error:  # Pillow's readers raise nearly every kind on damaged files
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{name} cannot be read: {error.strerror}.") from None
        reason = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise InputError(f"{name} is damaged or cut short, and cannot be read ({reason}).") from None


def _check_values(image: Image.Image, name: str) -> None:
    """Refuses values whose black and white are not known: signed ones, fractions, 12 or 32 bits."""
    tags = image.tag_v2 if image.format == "TIFF" else {}
    bits, kinds = set(tags.get(_TIFF_BITS, (1,))), set(np.atleast_1d(tags.get(_TIFF_KIND, 1)))
    if image.mode == "F" or not bits <= {1, 2, 4, 8, 16} or not kinds <= {1, 4}:
        held = f"{max(bits)}-bit" if tags else "fractional"
        raise InputError(f"{name} holds {held} values of unknown range: save it with 8 or 16 bits, unsigned.")


def _open(file: "str | os.PathLike | io.BytesIO") -> Image.Image:
    """`Image.open`, without Pillow's own limit to an image's size, which belongs to the whole process."""
    with _open_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


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
    image = ImageOps.exif_transpose(image)
    if image.mode in _MODES_16_BIT or image.mode == "I":  # Pillow would clip these at 255 instead of scaling them
        grey = np.asarray(image, np.float32)
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

    The file appears whole or not at all: it is written beside its place and then renamed.

    Args:
        path: Where to; its folder is made if need be.
        image: uint8 array of shape (height, width, 3), RGB.
        quality: For JPEG and WebP, 1 to 100.

    Raises:
        InputError: The extension names no format that can be written, the format cannot hold the image, or the path
            is a folder.
    """
    path = Path(path)
    file_format = format_of(path)
    options = {"quality": quality} if file_format in ("JPEG", "WEBP") else {}
    try:
        write_atomically(path, lambda file: Image.fromarray(image).save(file, format=file_format, **options))
    except ValueError as error:  # WebP, for one, ends at 16383 px
        size = f"{image.shape[1]}x{image.shape[0]} px"
        raise InputError(f"Cannot write {path}: {file_format} cannot hold {size} ({error}).") from None


def format_of(path: "str | os.PathLike") -> str:
    """Pillow's name of the format that an image is written in at `path`.

    Raises:
        InputError: The extension names no format that can be written, or the path is a folder.
    """
    path = Path(path)
    file_format = Image.registered_extensions().get(path.suffix.lower())
    if file_format not in Image.SAVE:
        raise InputError(f"Cannot write {path}: use an extension such as .png, .jpg, .webp or .tif.")
    if path.is_dir():
        raise InputError(f"Cannot write {path}: it is a folder.")
    return file_format


def list_images(folder: "str | os.PathLike") -> list[Path]:
    """All image files below a folder, nested ones included and hidden ones not, in the order of their paths."""
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"There is no folder {folder} (found {found} there): give a folder of photographs.")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in EXTENSIONS and not is_hidden(path, folder) and path.is_file()
    )


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Rounds (never truncates) values in [0, 255] to uint8, and clips those outside."""
    rounded = np.rint(image)
    return np.clip(rounded, 0, 255, out=rounded).astype(np.uint8)


def y_channel(image: np.ndarray) -> np.ndarray:
    """The 8-bit Y channel that super-resolution papers score, as MATLAB's `rgb2ycbcr` gives it for uint8.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, rounded: ITU-R BT.601 in studio range, 16 to 235.

    Args:
        image: uint8 array of shape (height, width, 3), RGB.

    Returns:
        uint8 array of shape (height, width).
    """
    weights = np.array([[65.481, 128.553, 24.966]]) / 255
    return to_uint8(cv2.transform(image.astype(np.float64), weights) + 16)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Cuts the bottom rows and right columns that keep an image's sides from being multiples of `scale`."""
    height, width = (side - side % scale for side in image.shape[:2])
    return image[:height, :width]


def side_by_side(columns: dict[str, np.ndarray]) -> np.ndarray:
    """Sets images of one height side by side, each below its name.

    Args:
        columns: Name to uint8 RGB image.

    Returns:
        One uint8 RGB image, white around the names and between the columns.
    """
    parts = []
    for name, image in columns.items():
        part = cv2.copyMakeBorder(image, 24, 0, 0, 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
        cv2.putText(part, name, (2, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
        parts.append(part)
    return np.concatenate(parts, axis=1)


def centre_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts the middle out of an image, no larger than the image."""
    top, left = (max(0, (have - want) // 2) for have, want in zip(image.shape, (height, width), strict=False))
    return image[top : top + height, left : left + width]
