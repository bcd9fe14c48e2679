"""How large results become."""

from dataclasses import dataclass

from srkit.errors import InputError


@dataclass(frozen=True)
class Size:
    """How large results become: `scale` times as large, or fitted into `width` and `height`, sides in proportion.

    >>> Size(width=1920).of(400, 300)
    (1920, 1440)

    Args:
        scale: A factor above 1 and up to 64, not necessarily whole.
        width: The width in pixels, in place of a scale. With a height, the result is as large as fits into both.
        height: The height in pixels, in place of a scale.

    Raises:
        InputError: There is both a scale and a side, or neither, or a number is out of its range.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self):
        if (self.scale is None) == (self.width is None and self.height is None):
            raise InputError("A size is either a scale, or a width, a height or both: give one or the other.")
        if self.scale is not None and not 1 < self.scale <= 64:
            raise InputError(f"A scale lies above 1 and ends at 64; received {self.scale:g}.")
        for name, side in (("width", self.width), ("height", self.height)):
            if side is not None and side < 1:
                raise InputError(f"{name} must be at least 1 px; received {side}.")

    def of(self, width: int, height: int) -> tuple[int, int]:
        """The width and height of the result for a photograph of this width and height."""
        sides = ((self.width, width), (self.height, height))
        factor = self.scale or min(wanted / side for wanted, side in sides if wanted is not None)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def __str__(self) -> str:
        """The size as it stands in file names: x4, x2.5, 1920w, 1080h, 1920x1080."""
        if self.scale is not None:
            return f"x{self.scale:g}"
        if self.width is not None and self.height is not None:
            return f"{self.width}x{self.height}"
        return f"{self.height}h" if self.width is None else f"{self.width}w"
