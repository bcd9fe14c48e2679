"""Upscaling: in tiles as large as memory allows, with the result of the whole image, with or without self-ensemble."""

import itertools
import os
import warnings
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import keras
import numpy as np
import psutil
import tensorflow as tf
from PIL import Image

from srkit.errors import InputError, check_choice
from srkit.image import centre_crop, read_image, to_uint8
from srkit.inference.predictor import Compiled, compiled
from srkit.models import PRECISIONS, at_scale, fixed_sides, scale_of, scales_of
from srkit.models.precision import fastest_precision
from srkit.models.presets import DEFAULT_PRESET
from srkit.models.weights import load_model

_SMALL_PX = 64 * 64  # no more than any model has memory for
_MOST_WORK = 9  # times the image's pixels, before tiles so small that they are mostly overlap are refused
_POOL = 1.75  # TensorFlow's allocator takes as many times what is alive at one time, and keeps it
_TO_WRITE = {"uint8": 7 / 3, "uint16": 3, "float32": 1}  # times the result, with an encoder's copies
_SAMPLE_PX = 96

_pool_bytes = 0.0  # what the allocator has kept


def upscale(
    image: "str | os.PathLike | Image.Image | np.ndarray",
    model: "keras.Model | str | os.PathLike" = DEFAULT_PRESET,
    ensemble: bool = False,
    memory: int | None = None,
    scale: int | None = None,
    precision: str = "float32",
) -> np.ndarray:
    """Upscales one image.

    What memory does not hold at once is cut into tiles, which overlap by as much as the model looks around: the result
    is that of the whole image.

    Args:
        image: A path, a PIL image, or a uint8 RGB array of shape (height, width, 3).
        model: A model from LR to SR, or what `load_model` takes.
        ensemble: Average the results for the image's eight flips and rotations (Lim et al. 2017, section 3.4):
            a little better, eight times slower.
        memory: The most that the process may take, in bytes; without, what it takes and half of what is free.
        scale: How many times to enlarge: needed for a model that has several scales, such as `srkit.models.mdsr`.
        precision: `"float32"`; `"mixed_bfloat16"`; or `"auto"`: the latter where it is faster, and where, in the middle
            of the image, 99.9 % of its values are at most 1 from those of float32.

    Returns:
        uint8 RGB array of shape (height * scale, width * scale, 3).

    Raises:
        InputError: The image or the model cannot be read, the model is not one for super-resolution or does not have
            the scale, or the memory does not suffice for it.
    """
    if not isinstance(model, keras.Model):
        model = load_model(model)
    return upscale_array(read_image(image), _choose_scale(model, scale), ensemble, memory, precision)


def predict(
    model: keras.Model,
    lr: np.ndarray,
    memory: int | None = None,
    scale: int | None = None,
    precision: str = "float32",
) -> np.ndarray:
    """As `upscale` of an array, but not rounded: float32 array of shape (height * scale, width * scale, 3)."""
    return upscale_array(lr.astype(np.float32), _choose_scale(model, scale), False, memory, precision)


def upscale_array(lr: np.ndarray, model: keras.Model, ensemble: bool, memory: int | None, precision: str) -> np.ndarray:
    """As `upscale`, for arrays of several types, with a model for one scale.

    Args:
        lr: Array of shape (height, width, 3), RGB: uint8, uint16 in [0, 65535], or float32 in [0, 255].
        model, ensemble, memory, precision: As in `upscale`.

    Returns:
        Array of the same type, `scale` times as high and wide.
    """
    check_choice("precision", precision, PRECISIONS)
    network = compiled(model, _precision(model, lr) if precision == "auto" else precision)
    _check_size(model, lr)
    height, width, channels = lr.shape
    sr = np.empty((height * network.scale, width * network.scale, channels), lr.dtype)
    tiles = deque(_tiles(network, lr, sr, memory))
    window = _window(tiles, network.radius_px, height, width)
    while tiles:
        try:
            _fill(sr, lr, tiles[0], window, network, ensemble)
        except (MemoryError, tf.errors.ResourceExhaustedError):
            if network.radius_px is None or tiles[0].longest <= max(network.radius_px, 1):
                raise
            warnings.warn(f"memory did not suffice for tiles of {tiles[0]}: going on with halves", stacklevel=2)
            tiles = deque(half for tile in tiles for half in tile.halves())
            window = _window(tiles, network.radius_px, height, width)
        else:
            tiles.popleft()
    return sr


def _check_size(model: keras.Model, lr: np.ndarray) -> None:
    sides = fixed_sides(model)
    if any(fixed not in (None, side) for fixed, side in zip(sides, lr.shape, strict=False)):
        height, width = (fixed or "any" for fixed in sides)
        raise InputError(
            f"{model.name} takes images of {width}x{height} px only; received {lr.shape[1]}x{lr.shape[0]} px."
        )


def memory_used_and_limit(memory: int | None) -> tuple[int, int]:
    """Bytes that the process takes beside its tiles, and the most that it may take: without, half of what is free."""
    used = psutil.Process().memory_info().rss - int(_pool_bytes)
    return used, used + psutil.virtual_memory().available // 2 if memory is None else memory


class _Tile(NamedTuple):
    """Rows and columns in LR px, first and last-but-one."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def longest(self) -> int:
        return max(self.bottom - self.top, self.right - self.left)

    def halves(self) -> tuple["_Tile", "_Tile"]:
        """Cut across its longer side."""
        if self.bottom - self.top == self.longest:
            middle = (self.top + self.bottom) // 2
            return self._replace(bottom=middle), self._replace(top=middle)
        middle = (self.left + self.right) // 2
        return self._replace(right=middle), self._replace(left=middle)

    def __str__(self) -> str:
        return f"{self.right - self.left}x{self.bottom - self.top} px"


def _window(tiles: Iterable[_Tile], radius: int | None, height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest tile with its surroundings.

    All are computed at this size: for each other one the allocator would take more memory.
    """
    around = radius or 0
    return (
        max(min(height, tile.bottom + around) - max(0, tile.top - around) for tile in tiles),
        max(min(width, tile.right + around) - max(0, tile.left - around) for tile in tiles),
    )


def _fill(
    sr: np.ndarray, lr: np.ndarray, tile: _Tile, window: tuple[int, int], network: Compiled, ensemble: bool
) -> None:
    """Computes one tile's part of the result, from a window of the image that holds its surroundings."""
    scale, radius = network.scale, network.radius_px or 0
    # Windows at the image's edges hold more than needs be of the other side.
    above, before = (
        max(0, min(first - radius, length - side))
        for first, length, side in zip((tile.top, tile.left), lr.shape, window, strict=False)
    )
    surroundings = _to_float(lr[above : above + window[0], before : before + window[1]])
    result = _ensemble(network, surroundings) if ensemble else network(surroundings)
    rows = slice((tile.top - above) * scale, (tile.bottom - above) * scale)
    columns = slice((tile.left - before) * scale, (tile.right - before) * scale)
    place = sr[tile.top * scale : tile.bottom * scale, tile.left * scale : tile.right * scale]
    place[:] = _from_float(result[rows, columns], sr.dtype)


def _ensemble(network: Compiled, lr: np.ndarray) -> np.ndarray:
    total = 0
    for rotations in range(4):
        for flip in (False, True):
            sr = np.rot90(network(np.rot90(lr[:, ::-1] if flip else lr, rotations)), -rotations)
            total = total + (sr[:, ::-1] if flip else sr)
    return total / 8


def _to_float(image: np.ndarray) -> np.ndarray:
    return image / np.float32(257) if image.dtype == np.uint16 else image.astype(np.float32)


def _from_float(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype == np.uint16:
        return np.clip(np.rint(image * np.float32(257)), 0, 65535).astype(np.uint16)
    return to_uint8(image) if dtype == np.uint8 else image


def _choose_scale(model: keras.Model, scale: int | None) -> keras.Model:
    if scale is None or scales_of(model) == (scale,):
        return model
    if len(scales_of(model)) == 1:
        raise InputError(f"{model.name} enlarges {scale_of(model)} times; asked: {scale}. Use a model of that scale.")
    return at_scale(model, scale)


def _precision(model: keras.Model, lr: np.ndarray) -> str:
    """The fastest precision that is near enough to float32 in the middle of the image."""
    fastest = fastest_precision()
    if fastest == "float32" or any(fixed_sides(model)):  # the sample would have another size
        return "float32"
    sample = _to_float(centre_crop(lr, _SAMPLE_PX, _SAMPLE_PX))
    fast, exact = (to_uint8(compiled(model, name)(sample)).astype(int) for name in (fastest, "float32"))
    return fastest if (np.abs(fast - exact) <= 1).mean() >= 0.999 else "float32"


def _tiles(network: Compiled, lr: np.ndarray, sr: np.ndarray, memory: int | None) -> list[_Tile]:
    """The image cut into tiles of nearly one size, for which the memory suffices beside the result."""
    global _pool_bytes
    height, width = lr.shape[:2]
    if memory is None and (height * width <= _SMALL_PX or network.radius_px is None):
        return [_Tile(0, height, 0, width)]
    used, limit = memory_used_and_limit(memory)
    used += sr.nbytes * _TO_WRITE[sr.dtype.name]
    # The tile's output is there four times: as it comes, rounded, and in the ensemble turned and added up.
    bytes_per_px = network.bytes_per_px * _POOL + 4 * 12 * network.scale**2
    grid = _grid(height, width, network.radius_px, (limit - used) / bytes_per_px)
    if grid is None:
        radius = network.radius_px
        least_px = height * width if radius is None else min(height * width, (3 * radius + 1) ** 2)
        raise InputError(
            f"{limit / 2**30:.1f} GiB of memory do not suffice to enlarge {width}x{height} px {network.scale} times "
            f"and to write the result: it takes at least {(used + least_px * bytes_per_px) / 2**30:.1f} GiB."
        )
    radius = network.radius_px or 0
    rows, columns = _spans(height, grid[0], radius), _spans(width, grid[1], radius)
    tiles = [_Tile(*row, *column) for row in rows for column in columns]
    rows, columns = _window(tiles, radius, height, width)
    _pool_bytes = max(_pool_bytes, rows * columns * network.bytes_per_px * _POOL)
    return tiles


def _grid(height: int, width: int, radius: int | None, most_px: float) -> tuple[int, int] | None:
    """Rows and columns of the tiles that compute the fewest pixels, of those that have at most `most_px` each."""
    if height * width <= most_px:
        return 1, 1
    if radius is None:
        return None
    grids = []
    for rows in range(1, height + 1):
        tile_height = min(height, -(-(height - 2 * radius) // rows) + 2 * radius)
        most_wide = int(most_px / tile_height)
        columns = 1 if most_wide >= width else -(-(width - 2 * radius) // max(1, most_wide - 2 * radius))
        if most_wide > 2 * radius or columns == 1:
            tile_width = min(width, -(-(width - 2 * radius) // columns) + 2 * radius)
            grids.append((rows * tile_height * columns * tile_width, rows, columns))
    computed, rows, columns = min(grids, default=(np.inf, 0, 0))
    return (rows, columns) if computed <= _MOST_WORK * height * width else None


def _spans(length: int, count: int, radius: int) -> list[tuple[int, int]]:
    """Cuts a length into spans of one size with their surroundings, which the first and the last have on one side."""
    margin = radius if length - 2 * radius >= count else 0
    cuts = [margin + (length - 2 * margin) * index // count for index in range(1, count)]
    return list(itertools.pairwise([0, *cuts, length]))
