"""Image files that are not read, and the sentences that say why."""

import logging
import os
from typing import BinaryIO

import numpy as np
from PIL import Image

from srkit.errors import InputError
from srkit.image.formats import FORMAT_NAMES

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # or it would print its own lines on damaged files

_SUBFILE_TYPE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706  # tags of TIFF
_BITS, _SAMPLES, _SAMPLE_FORMAT, _PLANES = 258, 277, 339, 284
_SENSOR_MOSAICS = (32803, 34892)  # colour filter array, and linear RAW
_KINDS = {2: "signed ", 3: "floating-point "}  # of the rest, 1 is unsigned, 4 not said
_RAW_EXTENSIONS = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos", ".mrw"),
    *(".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)
# By how their files begin and end: what it is, and the package that reads it.
_OTHER_READERS = (
    ((b"\xff\x0a", b"\0\0\0\x0cJXL "), (".jxl",), "JXL", "JPEG XL", "pillow-jxl-plugin"),
    ((b"\0\0\0",), (".heic", ".heif", ".hif"), "HEIF", "HEIC", "pillow-heif"),
)


def refuse_unknown_values(image: Image.Image, name: str) -> None:
    """Raises an InputError for files that hold something else than a picture with a known black and white.

    Args:
        image: An opened image file.
        name: What the messages call it.
    """
    tags = image.tag_v2 if image.format == "TIFF" else {}
    is_preview = tags.get(_SUBFILE_TYPE, 0) & 1 and _SUB_IFDS in tags
    is_mosaic = _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR_MOSAICS
    if tags and (is_preview or is_mosaic or name.lower().endswith(_RAW_EXTENSIONS)):
        raise InputError(_raw(name))
    if image.mode == "F" or (tags and not _has_known_values(tags)):
        raise InputError(f"{name} holds {_values(tags)} of unknown range: save it with 8 or 16 bits, unsigned.")


def why_unidentified(file: BinaryIO, name: str) -> str:
    """The sentence on a file that no reader takes for its own."""
    file.seek(0)
    start = file.read(12)
    for starts, ends, reader, kind, package in _OTHER_READERS:
        if start.startswith(starts) and name.lower().endswith(ends) and reader not in Image.OPEN:
            return f"{name} cannot be read: {kind} needs another package (pip install {package})."
    if name.lower().endswith(_RAW_EXTENSIONS):
        return _raw(name)
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):  # TIFF, and BigTIFF
        return _why_not_tiff(file, name)
    if start[:3] == b"\xff\xd8\xff":
        return f"{name} is a JPEG file that cannot be read: it is damaged, or of a rare kind, such as one with 12 bits."
    return f"{name} is not an image that can be read ({FORMAT_NAMES})."


def _raw(name: str) -> str:
    return (
        f"{name} is a camera's RAW file, and only the small preview in it could be read: develop it with the camera's "
        "program, darktable or RawTherapee, and give the TIFF or JPEG file."
    )


def _has_known_values(tags: dict) -> bool:
    return set(tags.get(_BITS, (1,))) <= {1, 2, 4, 8, 16} and set(np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1))) <= {1, 4}


def _values(tags: dict) -> str:
    """Such as: floating-point 32-bit values."""
    if not tags:
        return "floating-point values"
    kinds = np.atleast_1d(tags.get(_SAMPLE_FORMAT, 1))
    return f"{_KINDS.get(int(kinds[0]), '')}{max(tags.get(_BITS, (1,)))}-bit values"


def _why_not_tiff(file: BinaryIO, name: str) -> str:
    import tifffile

    file.seek(0, os.SEEK_SET)
    try:
        with tifffile.TiffFile(file) as tiff:
            page = tiff.pages[0].tags
            tags = {tag: page.valueof(tag) for tag in (_BITS, _SAMPLES, _SAMPLE_FORMAT, _PLANES) if tag in page}
    except Exception:  # tifffile raises nearly every kind on damaged files
        return f"{name} is a damaged TIFF file, and cannot be read."
    tags = {tag: value if isinstance(value, tuple) else (int(value),) for tag, value in tags.items()}
    if not _has_known_values(tags):
        return f"{name} holds {_values(tags)} of unknown range: save it with 8 or 16 bits, unsigned."
    samples = tags.get(_SAMPLES, (1,))[0]
    held = {1: "grey", 2: "grey with alpha (opacity)", 3: "RGB", 4: "RGB with alpha (opacity)"}
    planes = ", in planes" if tags.get(_PLANES) == (2,) else ""
    kind = f"{max(tags.get(_BITS, (1,)))}-bit {held.get(samples, f'pixels of {samples} channels')}{planes}"
    return f"{name} holds {kind} in a way that cannot be read: save it as PNG, or as interleaved RGB."
