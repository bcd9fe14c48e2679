"""Formats of image files: what each can hold, and which one a path names."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image

from srkit.errors import InputError
from srkit.files import is_hidden

with contextlib.suppress(ImportError):
    import pillow_heif

    pillow_heif.register_heif_opener()
with contextlib.suppress(ImportError):
    import pillow_jxl  # noqa: F401 - registers itself


@dataclass(frozen=True)
class Format:
    """What the files of a format can hold, as they are written here, beside RGB with 8 bits.

    Attributes:
        name: Pillow's name of the format.
        extensions: The extensions of its files, in lower case; the usual one comes first.
        bits: Most bits for each channel, 8 or 16.
        alpha: Whether it holds opacity.
        metadata: Whether it holds EXIF and XMP.
        also: What else it holds: the `density` outside of EXIF, captions (`iptc`), all `texts`, or one `comment`.
        profile: Whose ICC profile it holds: that of every image, of colour images only, or of none.
        max_side: Largest width and height in pixels; None where nobody reaches it.
        quality: Whether it is lossy and takes a quality from 1 to 100.
        grey: Whether it holds grey; if not, three equal channels are written.
        writable: Whether it can hold a photograph. Other formats are only read.
    """

    name: str
    extensions: tuple[str, ...]
    bits: int = 8
    alpha: bool = False
    metadata: bool = False
    also: tuple[Literal["density", "iptc", "texts", "comment"], ...] = ()
    profile: Literal["all", "colour", "none"] = "none"
    max_side: int | None = None
    quality: bool = False
    grey: bool = True
    writable: bool = True


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("PNG", (".png", ".apng"), bits=16, alpha=True, metadata=True, also=("density", "texts"), profile="all"),
        Format(
            "JPEG",
            (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
            metadata=True,
            also=("density", "iptc", "comment"),
            profile="all",
            max_side=65_500,
            quality=True,
        ),
        Format("WEBP", (".webp",), alpha=True, metadata=True, profile="colour", max_side=16_383, quality=True),
        Format("TIFF", (".tif", ".tiff"), bits=16, alpha=True, metadata=True, also=("density", "iptc"), profile="all"),
        Format("BMP", (".bmp",), also=("density",)),
        Format("DIB", (".dib",), also=("density",)),
        Format("AVIF", (".avif", ".avifs"), alpha=True, metadata=True, profile="colour", max_side=65_536, quality=True),
        Format(
            "HEIF",
            (".heic", ".heif", ".hif"),
            alpha=True,
            metadata=True,
            profile="colour",
            max_side=16_384,
            quality=True,
        ),
        Format("JXL", (".jxl",), alpha=True, metadata=True, quality=True),
        Format("JPEG2000", (".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c"), alpha=True),
        Format("PPM", (".ppm", ".pgm", ".pbm", ".pnm"), bits=16),
        Format("TGA", (".tga", ".icb", ".vda", ".vst"), alpha=True, max_side=65_535),
        Format("QOI", (".qoi",), alpha=True, grey=False),
        Format("SGI", (".sgi", ".rgb", ".rgba", ".bw"), alpha=True, max_side=65_535, grey=False),
        Format("PCX", (".pcx",), max_side=65_535),
        Format("DDS", (".dds",), alpha=True),
        Format("PSD", (".psd",)),  # Pillow only reads it, and the next ones
        Format("SUN", (".ras",)),
        Format("PCD", (".pcd",)),
        Format("GIF", (".gif",), writable=False),  # 256 colours
    )
}
FORMAT_NAMES = ", ".join(FORMATS)

_BY_EXTENSION = {extension: entry for entry in FORMATS.values() for extension in entry.extensions}


def format_of(path: "str | os.PathLike") -> Format:
    """The format that an image is written in at `path`, by its extension.

    Raises:
        InputError: The extension names no format that can be written, or the path is a folder.

    >>> format_of("photo.jpg").max_side
    65500
    """
    path = Path(path)
    entry = _BY_EXTENSION.get(path.suffix.lower())
    if entry is None or not _has_encoder(entry):
        raise InputError(f"Cannot write {path}: use an extension such as .png, .jpg, .webp or .tif.")
    if not entry.writable:
        raise InputError(f"Cannot write {path}: {entry.name} cannot hold a photograph. Choose .png or .jpg for it.")
    if path.is_dir():
        raise InputError(f"Cannot write {path}: it is a folder.")
    return entry


def check_target(path: "str | os.PathLike", width: int, height: int) -> Format:
    """Raises an InputError if an image of this size cannot be written at `path`. Ask before it is computed.

    Args:
        path: Path of the file to write.
        width: Width of the image in pixels.
        height: Height of the image in pixels.

    Returns:
        The format that it will have.
    """
    entry = format_of(path)
    folder = next(parent for parent in Path(path).absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        reason = "may not be written to" if folder.is_dir() else "is a file"
        raise InputError(f"Cannot write {path}: {folder} {reason}.")
    if entry.max_side and max(width, height) > entry.max_side:
        raise InputError(
            f"Cannot write {path}: {entry.name} ends at {entry.max_side} px a side, and the result would have "
            f"{width}x{height} px. Choose .png or .tif for it."
        )
    return entry


def with_writable_extension(path: Path) -> Path:
    """The path; with `.png` after it if its own extension names no format that can hold a photograph.

    >>> with_writable_extension(Path("photo.gif")).name
    'photo.gif.png'
    """
    entry = _BY_EXTENSION.get(path.suffix.lower())
    is_writable = entry is not None and entry.writable and _has_encoder(entry)
    return path if is_writable else path.with_name(f"{path.name}.png")


def list_images(folder: "str | os.PathLike") -> list[Path]:
    """All image files below a folder, in the order of their paths, without hidden files and hidden folders.

    Raises:
        InputError: There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise InputError(f"There is no folder {folder} (found {found} there): give a folder of photographs.")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _BY_EXTENSION and not is_hidden(path, folder) and path.is_file()
    )


def _has_encoder(entry: Format) -> bool:
    """Whether this machine's Pillow writes the format: HEIF, for one, needs the package pillow-heif."""
    Image.init()
    return entry.name in Image.SAVE
