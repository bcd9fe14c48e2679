"""Upscaling of images: in tiles as large as memory allows, with the result of the whole image."""

import math
import warnings
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from srkit.classical import ClassicalModel
from srkit.devices import gpus
from srkit.errors import InputError
from srkit.image import centre_crop, full_range_luma, to_uint8
from srkit.inference.ensemble import ensembled
from srkit.inference.memory import allocator, gpu_memory_limit, memory_used_and_limit
from srkit.inference.options import UpscaleOptions
from srkit.inference.overlap import MOST_DIFFERENT, near_enough
from srkit.inference.predictor import Predictor, predictor_of
from srkit.inference.tiles import Tile, cut, cut_for_progress, window_of
from srkit.models import at_scale, fastest_precision, scale_of, scales_of

_SMALL_PX = 64 * 64  # no more than any model has memory for
_POOL = 1.75  # TensorFlow's allocator takes as many times what is alive at one time, and keeps it
_TO_WRITE = {"uint8": 7 / 3, "uint16": 3, "float32": 1}  # times the result, with an encoder's copies
_SAMPLE_PX = 96
_MOST_WORK_EXACT = 1.5  # times the image's pixels, before tiles overlap by less than the receptive field
EXACT = UpscaleOptions(precision="float32", overlap="exact")


def predict(
    model: keras.Model,
    lr: np.ndarray,
    memory: int | None = None,
    scale: int | None = None,
    precision: str = "float32",
) -> np.ndarray:
    """Upscales an array as `upscale` does, without rounding.

    ```python
    sr = predict(model, lr)
    ```

    Args:
        model: A model from LR to SR.
        lr: uint8 array of shape (height, width, 3), RGB, of which grey stays grey; or a float32 array in [0, 255].
        memory: See `upscale`.
        scale: See `upscale`.
        precision: See `upscale`.

    Returns:
        float32 array of shape (height * scale, width * scale, 3).
    """
    lr = lr if lr.dtype == np.uint8 else lr.astype(np.float32)
    options = UpscaleOptions(memory=memory, precision=precision, overlap="exact")
    return upscale_array(lr, with_scale(model, scale), options, rounded=False)


def upscale_array(
    lr: np.ndarray,
    model: keras.Model,
    options: UpscaleOptions = EXACT,
    rounded: bool = True,
    progress: Callable[[float], object] | None = None,
    tell: Callable[[str], object] | None = None,
) -> np.ndarray:
    """Upscales an array of one of several types with a model for one scale, as `upscale` does.

    Args:
        lr: Array of shape (height, width, 3), RGB: uint8, uint16 in [0, 65535], or float32 in [0, 255].
        model: A model from LR to SR.
        options: How it is computed. The result's size is the model's.
        rounded: Whether the result has the type of `lr`; otherwise it is float32.
        progress: Called after each tile with its share of the image, from 0 to 1.
        tell: Called with a remark where the result is not quite that of the whole image.

    Returns:
        Array `scale` times as high and wide.
    """
    precision = _fast_enough(model, lr) if options.precision == "auto" else options.precision
    network = predictor_of(model, precision)
    whole = _continued(lr, network.grid_px)
    work = _Work(whole, network, options.ensemble, lr.dtype if rounded else np.dtype(np.float32))
    plan = _plan(work, model, options.memory, options.overlap)
    tiles = plan.tiles
    if progress and lr[..., 0].size > _SMALL_PX:
        tiles = cut_for_progress(*whole.shape[:2], plan.overlap, tiles)
    if tell and plan.remark:
        tell(plan.remark)
    with allocator.taking(plan.num_bytes):
        work.run(tiles, plan.overlap, progress or (lambda share: None))
    return np.ascontiguousarray(work.sr[: lr.shape[0] * network.scale, : lr.shape[1] * network.scale])


def upscale_stack(lrs: np.ndarray, model: keras.Model, precision: str = "float32") -> np.ndarray:
    """Upscales small images of one size together, as `upscale` does each: thousands of faces in minutes.

    ```python
    faces = upscale_stack(np.stack([lr, lr[::-1]]), model)
    ```

    Args:
        lrs: uint8 array of shape (images, height, width, 3), RGB. They are computed together, without tiles.
        model: A model from LR to SR, of one scale.
        precision: `"float32"` or `"mixed_bfloat16"`.

    Returns:
        uint8 array of shape (images, height * scale, width * scale, 3).
    """
    network = predictor_of(model, precision)
    srs = (full_range_luma(sr).repeat(3, axis=2) if is_grey(lr) else sr for lr, sr in zip(lrs, network.batch(lrs)))
    return np.stack([to_uint8(sr) for sr in srs])


def is_grey(image: np.ndarray) -> bool:
    """Whether red, green and blue are equal in every pixel."""
    return all(np.array_equal(row[:, 0], row[:, 1]) and np.array_equal(row[:, 0], row[:, 2]) for row in image)


def with_scale(model: keras.Model, scale: int | None) -> keras.Model:
    """The model; of one for several scales, the branch of this scale.

    Raises:
        InputError: The model does not have the scale.
    """
    if scale is None or scales_of(model) == (scale,):
        return model
    if len(scales_of(model)) == 1:
        raise InputError(f"{model.name} enlarges {scale_of(model)} times; asked: {scale}. Use a model of that scale.")
    return at_scale(model, scale)


def _continued(lr: np.ndarray, grid: int) -> np.ndarray:
    """The image, mirrored below and on the right to multiples of `grid` px, as `PixelUnshuffle` does it."""
    below, right = (-side % grid for side in lr.shape[:2])
    return np.pad(lr, [(0, below), (0, right), (0, 0)], mode="reflect") if below or right else lr


class _Work:
    """One image on its way through a network, tile by tile."""

    def __init__(self, lr: np.ndarray, network: Predictor | ClassicalModel, ensemble: bool, dtype: np.dtype):
        height, width, channels = lr.shape
        self.lr, self.network, self.ensemble = lr, network, ensemble
        self.sr = np.empty((height * network.scale, width * network.scale, channels), dtype)
        self._is_grey = lr.dtype != np.float32 and is_grey(lr)

    def run(self, tiles: list[Tile], overlap: int | None, progress: Callable[[float], object]) -> None:
        """Computes the tiles; where the memory does not suffice for them after all, smaller ones."""
        tiles = deque(tiles)
        size = *self.lr.shape[:2], self.network.grid_px
        window = window_of(tiles, overlap, *size)
        while tiles:
            try:
                self._fill(tiles[0], window, overlap or 0)
            except (MemoryError, tf.errors.ResourceExhaustedError):
                if overlap is None or tiles[0].longest <= max(overlap, 1):
                    raise
                warnings.warn(f"memory did not suffice for tiles of {tiles[0]}: going on with halves", stacklevel=4)
                tiles = deque(half for tile in tiles for half in tile.halves())
                window = window_of(tiles, overlap, *size)
            else:
                progress(tiles.popleft().num_px / (self.lr.shape[0] * self.lr.shape[1]))

    def _fill(self, tile: Tile, window: tuple[int, int], overlap: int) -> None:
        """Computes one tile's part of the result, from a window of the image that holds its surroundings."""
        scale, grid = self.network.scale, self.network.grid_px
        # Windows at the image's edges hold more than needs be of the other side.
        top, left = (
            max(0, min(first - overlap, length - side)) // grid * grid
            for first, length, side in zip((tile.top, tile.left), self.lr.shape, window, strict=False)
        )
        surroundings = _to_float(self.lr[top : top + window[0], left : left + window[1]])
        result = ensembled(self.network, surroundings) if self.ensemble else self.network(surroundings)
        rows = slice((tile.top - top) * scale, (tile.bottom - top) * scale)
        columns = slice((tile.left - left) * scale, (tile.right - left) * scale)
        part = result[rows, columns]
        if self._is_grey:
            part = full_range_luma(part)
        place = self.sr[tile.top * scale : tile.bottom * scale, tile.left * scale : tile.right * scale]
        place[:] = _from_float(part, self.sr.dtype)


class _Plan(NamedTuple):
    """How an image is cut.

    Attributes:
        tiles: The tiles for which the memory suffices beside the result.
        overlap: How far their surroundings reach, in pixels; None for an image that cannot be cut.
        num_bytes: What TensorFlow takes for one.
        remark: What the result is, unless it is that of the whole image.
    """

    tiles: list[Tile]
    overlap: int | None
    num_bytes: float = 0
    remark: str = ""


def _plan(work: _Work, model: keras.Model, memory: int | None, overlap: str | int | None) -> _Plan:
    """Cuts an image as its options say."""
    network, (height, width) = work.network, work.lr.shape[:2]
    if memory is None and (height * width <= _SMALL_PX or network.radius_px is None):
        return _Plan([Tile(0, height, 0, width)], network.radius_px)
    used, limit = memory_used_and_limit(memory)
    used += work.sr.nbytes * _TO_WRITE[work.sr.dtype.name]
    network_bytes_per_px = network.bytes_per_px * _POOL
    # The tile's output is there four times: as it comes, rounded, and in the ensemble turned and added up.
    bytes_per_px = 4 * 12 * network.scale**2 + (0 if gpus() else network_bytes_per_px)
    most_px = (limit - used) / bytes_per_px
    if gpus() and network_bytes_per_px and network.radius_px is not None:
        most_px = min(most_px, max((3 * network.radius_px + 1) ** 2, gpu_memory_limit() / network_bytes_per_px))
    radius, remark = _overlap(work, model, most_px, overlap)
    tiles = cut(height, width, radius, most_px)
    if tiles is None:
        least_px = height * width if radius is None else min(height * width, (3 * radius + 1) ** 2)
        raise InputError(
            f"{limit / 2**30:.1f} GiB of memory do not suffice to enlarge {width}x{height} px {network.scale} times "
            f"and to write the result: it takes at least {(used + least_px * bytes_per_px) / 2**30:.1f} GiB."
        )
    rows, columns = window_of(tiles, radius, height, width, network.grid_px)
    return _Plan(tiles, radius, rows * columns * network_bytes_per_px, remark)


def _overlap(work: _Work, model: keras.Model, most_px: float, overlap: str | int | None) -> tuple[int | None, str]:
    """How far tiles of at most so many pixels overlap, and a remark if that is less than the receptive field."""
    radius, (height, width) = work.network.radius_px, work.lr.shape[:2]
    if radius is None or overlap == "exact" or height * width <= most_px:
        return radius, ""
    if isinstance(overlap, int):
        return min(overlap, radius), ""
    if overlap is None:
        tiles = cut(height, width, radius, most_px)
        computed = math.prod(window_of(tiles, radius, height, width)) * len(tiles) if tiles else math.inf
        if computed < _MOST_WORK_EXACT * height * width:
            return radius, ""
    exact, crop_px = predictor_of(model, "float32"), most_px / 2  # float32 takes up to twice bfloat16's memory
    found = near_enough(exact, _to_float(work.lr), crop_px) if crop_px > _SMALL_PX else None
    if found is None or (found.share > MOST_DIFFERENT and cut(height, width, radius, most_px)):
        return radius, ""
    return found.overlap_px, (
        f"tiles overlap by {found.overlap_px} px in place of the {radius} px that the model looks around: beside a cut "
        f"in crops of it {100 * found.share:.2f} % of the values differ by more than one grey level"
    )


def _fast_enough(model: keras.Model, lr: np.ndarray) -> str:
    """The fastest precision that is near enough to float32 in the middle of the image."""
    fastest = fastest_precision()
    if fastest == "float32" or isinstance(model, ClassicalModel):
        return "float32"
    sample = _to_float(centre_crop(lr, _SAMPLE_PX, _SAMPLE_PX))
    fast, exact = (to_uint8(predictor_of(model, name)(sample)).astype(int) for name in (fastest, "float32"))
    return fastest if (np.abs(fast - exact) <= 1).mean() >= 0.999 else "float32"


def _to_float(image: np.ndarray) -> np.ndarray:
    return image / np.float32(257) if image.dtype == np.uint16 else image.astype(np.float32)


def _from_float(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype == np.uint16:
        return np.clip(np.rint(image * np.float32(257)), 0, 65535).astype(np.uint16)
    return to_uint8(image) if dtype == np.uint8 else image
