"""Options of upscaling. Imports neither Keras nor TensorFlow."""

import dataclasses
import re

from srkit.errors import InputError, check_choice
from srkit.image import MAX_PIXELS
from srkit.inference.size import Size
from srkit.models import PRECISIONS
from srkit.options import documented, option

OVERLAPS = ("exact", "auto")
EXISTING = ("refuse", "skip", "overwrite")


def memory_size(text: str) -> int:
    """A number of bytes as people write it: 4G, 500M, 1.5 GiB.

    >>> memory_size("500M")
    524288000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise InputError(f"A size of memory must be like 4G or 500M; received {text}.")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def overlap_of_tiles(text: str) -> str | int:
    """How far tiles overlap, as people write it: exact, auto, or a number of pixels.

    >>> overlap_of_tiles("auto"), overlap_of_tiles("32")
    ('auto', 32)
    """
    if text in OVERLAPS:
        return text
    if not text.isdecimal():
        raise InputError(f"An overlap must be exact, auto or a number of pixels; received {text}.")
    return int(text)


@documented
@dataclasses.dataclass(frozen=True, kw_only=True)
class UpscaleOptions:
    """Options of upscaling photographs.

    Attributes:
        existing: What happens to results that are already there. They are left and count as failed (`"refuse"`),
            are left and counted (`"skip"`), or are replaced (`"overwrite"`).

    ```python
    options = UpscaleOptions(width=1920, quality=90)
    ```

    Raises:
        InputError: A name is not known, or a number is out of its range.
    """

    scale: float | None = option(
        None,
        "Size of the result over that of the photograph, such as 2 or 2.5. Default: the model's scale.",
        group="size",
        metavar="N",
        type=float,
    )
    width: int | None = option(
        None, "Width of the result in pixels; replaces --scale.", group="size", metavar="PX", type=int
    )
    height: int | None = option(
        None,
        "Height of the result in pixels; replaces --scale. With --width, the result fits into both.",
        group="size",
        metavar="PX",
        type=int,
    )
    quality: int = option(95, "Quality of JPEG, WebP, AVIF and HEIC files, from 1 to 100.", group="output", metavar="N")
    strip: bool = option(False, "Leave EXIF, XMP, IPTC, texts and density out.", group="output")
    existing: str = "refuse"
    ensemble: bool = option(
        False,
        "Average the results for eight flips and rotations: slightly better, eight times slower.",
        group="computation",
    )
    precision: str = option(
        "auto",
        "What the model computes in. auto takes bfloat16 where it is faster and differs from float32 by at most one "
        "grey level in 99.9 % of the values.",
        group="computation",
        choices=PRECISIONS,
    )
    memory: int | None = option(
        None,
        "Most memory that the process may take, such as 4G. Default: what it takes and half of what is free.",
        group="computation",
        metavar="SIZE",
        type=memory_size,
    )
    overlap: str | int | None = option(
        None,
        "How far tiles overlap. exact: as far as the model looks, so that they equal the whole. auto: as little as "
        "leaves at most 0.1 % of the values beside a cut more than one grey level off, found by trying on crops of the "
        "photograph. Or a number of pixels. Default: exact where that computes less than 1.5 times the photograph, "
        "else auto.",
        group="computation",
        metavar="exact|auto|PX",
        type=overlap_of_tiles,
    )
    max_pixels: int = option(
        MAX_PIXELS, "Refuse photographs that claim to have more pixels.", group="computation", metavar="N"
    )

    def __post_init__(self):
        check_choice("precision", self.precision, PRECISIONS)
        check_choice("way with existing files", self.existing, EXISTING)
        if not 1 <= self.quality <= 100:
            raise InputError(f"quality must be from 1 to 100; received {self.quality}.")
        if isinstance(self.overlap, str):
            check_choice("overlap", self.overlap, OVERLAPS)
        elif self.overlap is not None and self.overlap < 0:
            raise InputError(f"overlap must be at least 0 px; received {self.overlap}.")
        if self.max_pixels < 1:
            raise InputError(f"max_pixels must be at least 1; received {self.max_pixels}.")
        self.size(2)  # refuses an impossible one

    def size(self, model_scale: int) -> Size:
        """The size of the results: what was asked for, or else the model's scale."""
        sides = self.scale, self.width, self.height
        return Size(*sides) if any(side is not None for side in sides) else Size(scale=model_scale)
