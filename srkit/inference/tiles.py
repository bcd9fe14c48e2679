"""Tiles: an image cut into parts that fit into memory, each computed with its surroundings."""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_STEPS_OF_PROGRESS = 16
_LEAST_PX_OF_STEP = 50_000
_MOST_WORK_FOR_STEPS = 1.15  # times the image's pixels
_MOST_WORK = 9  # times the image's pixels, before tiles so small that they are mostly overlap are refused


class Tile(NamedTuple):
    """A rectangle of the LR image in pixels. `bottom` and `right` are exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def longest(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)

    @property
    def num_px(self) -> int:
        return (self.bottom - self.top) * (self.right - self.left)

    def halves(self) -> tuple["Tile", "Tile"]:
        """The tile cut across its longer side."""
        if self.bottom - self.top == self.longest:
            middle = (self.top + self.bottom) // 2
            return self._replace(bottom=middle), self._replace(top=middle)
        middle = (self.left + self.right) // 2
        return self._replace(right=middle), self._replace(left=middle)

    def __str__(self) -> str:
        return f"{self.right - self.left}x{self.bottom - self.top} px"


def cut(height: int, width: int, overlap: int | None, most_px: float) -> list[Tile] | None:
    """Cuts an image into tiles of nearly one size that compute as few pixels as possible.

    Args:
        height: The image's height in pixels.
        width: Its width in pixels.
        overlap: How far the tiles' surroundings reach, in pixels: the model's receptive field (`receptive_field.py`).
            None for an image that cannot be cut.
        most_px: The most pixels that a tile may have with its surroundings.

    Returns:
        The tiles row by row; None if there are none so small, or they would be mostly overlap.
    """
    grid = _grid(height, width, overlap, most_px)
    if grid is None:
        return None
    rows, columns = _spans(height, grid[0], overlap or 0), _spans(width, grid[1], overlap or 0)
    return [Tile(*row, *column) for row in rows for column in columns]


def cut_for_progress(height: int, width: int, overlap: int | None, tiles: list[Tile]) -> list[Tile]:
    """Cuts an image into more tiles, after each of which progress can be shown, if they cost little more work.

    Args:
        height: The image's height in pixels.
        width: Its width in pixels.
        overlap: How far the tiles' surroundings reach, in pixels; None for an image that cannot be cut.
        tiles: The tiles that the memory suffices for.

    Returns:
        Other tiles, none of them larger; or these, where more would cost too much.
    """
    largest = math.prod(window_of(tiles, overlap, height, width))
    for count in range(min(_STEPS_OF_PROGRESS, height * width // _LEAST_PX_OF_STEP), len(tiles), -1):
        finer = cut(height, width, overlap, _MOST_WORK_FOR_STEPS * height * width / count)
        if finer and len(finer) > len(tiles):
            computed = math.prod(window_of(finer, overlap, height, width))
            if computed <= min(largest, _MOST_WORK_FOR_STEPS * height * width / len(finer)):
                return finer
    return tiles


def window_of(tiles: Iterable[Tile], overlap: int | None, height: int, width: int, grid: int = 1) -> tuple[int, int]:
    """Height and width of the largest tile with its surroundings, large enough to begin at a multiple of `grid` px.

    All tiles are computed at this size: for each other one TensorFlow's allocator would take more memory.
    """
    around = overlap or 0
    rows = max(min(height, tile.bottom + around) - max(0, tile.top - around) for tile in tiles)
    columns = max(min(width, tile.right + around) - max(0, tile.left - around) for tile in tiles)
    return min(height, -(-(rows + grid - 1) // grid) * grid), min(width, -(-(columns + grid - 1) // grid) * grid)


def _grid(height: int, width: int, overlap: int | None, most_px: float) -> tuple[int, int] | None:
    """Rows and columns of the tiles that compute the fewest pixels, of those that have at most `most_px` each."""
    if height * width <= most_px:
        return 1, 1
    if overlap is None:
        return None
    grids = []
    for rows in range(1, height + 1):
        tile_height = min(height, -(-(height - 2 * overlap) // rows) + 2 * overlap)
        most_wide = int(most_px / tile_height)
        columns = 1 if most_wide >= width else -(-(width - 2 * overlap) // max(1, most_wide - 2 * overlap))
        if most_wide > 2 * overlap or columns == 1:
            tile_width = min(width, -(-(width - 2 * overlap) // columns) + 2 * overlap)
            grids.append((rows * tile_height * columns * tile_width, rows, columns))
    computed, rows, columns = min(grids, default=(np.inf, 0, 0))
    return (rows, columns) if computed <= _MOST_WORK * height * width else None


def _spans(length: int, count: int, overlap: int) -> list[tuple[int, int]]:
    """Cuts a length into spans of one size with their surroundings, which the first and the last have on one side."""
    margin = overlap if length - 2 * overlap >= count else 0
    cuts = [margin + (length - 2 * margin) * index // count for index in range(1, count)]
    return list(itertools.pairwise([0, *cuts, length]))
