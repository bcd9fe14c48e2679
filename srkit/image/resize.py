"""Downscaling and interpolation by the kernels of the literature."""

import math
from functools import lru_cache

import cv2
import numpy as np

from srkit.errors import InputError, check_choice
from srkit.image.pixels import nearest, size_text, to_uint8

KERNELS = ("bicubic", "opencv", "gaussian")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos")
SCALES = (2, 3, 4, 8)

_COLUMNS_PER_PRODUCT = 480


def downscale(hr: np.ndarray, scale: int, kernel: str = "bicubic") -> np.ndarray:
    """Downscales an image by an integer factor.

    Args:
        hr: Array of shape (height, width, 3) or (height, width), both sides multiples of `scale`: uint8, or float32,
            which is not rounded.
        scale: The factor, 2 or more.
        kernel: One of `KERNELS`. `"bicubic"` is the antialiased bicubic of the super-resolution literature: Keys'
            cubic with a = -0.5, stretched by the scale, with symmetric borders, as MATLAB's `imresize` computes it.
            `"opencv"` is `cv2.resize(..., INTER_CUBIC)`, which aliases. `"gaussian"` is a blur with
            sigma = 1.6 * scale / 3 HR px (the 1.6 px of the literature at x3), then decimation on the same grid.

    Returns:
        Array of the same type, its sides divided by the scale.

    Raises:
        InputError: A side is not a multiple of the scale, or the kernel is unknown.

    >>> downscale(np.zeros((96, 48, 3), np.uint8), 4).shape
    (24, 12, 3)
    """
    check_choice("kernel", kernel, KERNELS)
    check_multiple(hr, scale)
    if kernel == "opencv":
        return cv2.resize(hr, (hr.shape[1] // scale, hr.shape[0] // scale), interpolation=cv2.INTER_CUBIC)
    rows = _downscale_rows(hr, scale, kernel)
    columns = _downscale_rows(cv2.transpose(rows), scale, kernel)
    return cv2.transpose(columns if hr.dtype == np.float32 else to_uint8(columns))


def check_multiple(hr: np.ndarray, scale: int) -> None:
    """Raises an InputError unless both sides of an image are multiples of the scale."""
    if hr.shape[0] % scale or hr.shape[1] % scale:
        raise InputError(
            f"An HR image of {size_text(hr)} cannot be downscaled by {scale} without shifting the pair: crop it to a "
            "multiple of the scale first (srkit.image.crop_to_multiple)."
        )


def interpolate(lr: np.ndarray, scale: int, kernel: str = "bicubic") -> np.ndarray:
    """Upscales an image by interpolation, with symmetric borders: the baselines of the literature.

    Args:
        lr: Array of shape (height, width, 3) or (height, width): uint8, or float32, which is not rounded.
        scale: The factor, 2 or more.
        kernel: One of `INTERPOLATIONS`. `"bicubic"` is Keys' cubic with a = -0.5 (`cv2.INTER_CUBIC` has a = -0.75 and
            gives other scores), `"lanczos"` is the sinc windowed to three LR px (`lanczos3` in MATLAB, `LANCZOS` in
            Pillow), `"bilinear"` is the triangle, and `"nearest"` repeats pixels.

    Returns:
        Array of the same type, its sides multiplied by the scale.

    Raises:
        InputError: The kernel is unknown.

    >>> interpolate(np.zeros((24, 12, 3), np.uint8), 4).shape
    (96, 48, 3)
    """
    check_choice("interpolation", kernel, INTERPOLATIONS)
    if kernel == "nearest":
        return nearest(lr, scale)
    height, width, *channels = lr.shape
    one = np.ones(1)
    rows = np.empty((height * scale, width, *channels), np.float32)
    for phase, (taps, anchor) in enumerate(interpolation_taps(scale, kernel)):
        rows[phase::scale] = _filter(lr, one, taps, (0, anchor))
    result = np.empty((height * scale, width * scale, *channels), lr.dtype)
    for phase, (taps, anchor) in enumerate(interpolation_taps(scale, kernel)):
        columns = _filter(rows, taps, one, (anchor, 0))
        result[:, phase::scale] = columns if lr.dtype == np.float32 else to_uint8(columns)
    return result


def _downscale_rows(image: np.ndarray, scale: int, kernel: str, rows_per_block: int = 4) -> np.ndarray:
    """Filters and decimates along the height, in float32.

    Only the rows that stay are computed. A block of a few output rows is the product of one small banded matrix with
    the input rows that it needs: three times as fast as to filter all rows and drop most of them.
    """
    taps = _downscale_taps(scale, kernel)
    height, width, *channels = image.shape
    num_blocks = -(-height // (scale * rows_per_block))
    step, window = scale * rows_per_block, scale * (rows_per_block - 1) + len(taps)
    matrix = np.zeros((rows_per_block, window), np.float32)
    for row in range(rows_per_block):
        matrix[row, row * scale : row * scale + len(taps)] = taps
    top = (len(taps) - scale) // 2
    bottom = (num_blocks - 1) * step + window - top - height
    padded = cv2.copyMakeBorder(image, top, bottom, 0, 0, cv2.BORDER_REFLECT).astype(np.float32)
    padded = padded.reshape(-1, width * math.prod(channels))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, window, axis=0)[::step].transpose(0, 2, 1)
    rows = np.empty((num_blocks, rows_per_block, padded.shape[1]), np.float32)
    # Products this small stay in one thread: starting others would cost more than it gains.
    for left in range(0, padded.shape[1], _COLUMNS_PER_PRODUCT):
        columns = slice(left, left + _COLUMNS_PER_PRODUCT)
        np.matmul(matrix, blocks[:, :, columns], out=rows[:, :, columns])
    return rows.reshape(-1, width, *channels)[: height // scale]


def _filter(image: np.ndarray, taps_x: np.ndarray, taps_y: np.ndarray, anchor: tuple[int, int]) -> np.ndarray:
    """Correlates with separable taps in float32; borders are mirrored with the edge pixel repeated."""
    return cv2.sepFilter2D(image, cv2.CV_32F, taps_x, taps_y, anchor=anchor, borderType=cv2.BORDER_REFLECT)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution kernel with a = -0.5 (Keys 1981, equation 15)."""
    x = np.abs(x)
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, inner, np.where(x < 2, outer, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    """The sinc, windowed by the middle lobe of a sinc that is three times as wide."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0)


@lru_cache
def _downscale_taps(scale: int, kernel: str) -> np.ndarray:
    """The weights of the HR pixels around one LR pixel. They are the same for all LR pixels."""
    if kernel == "bicubic":
        support, weight = 2 * scale, lambda distance: _cubic(distance / scale)
    else:
        sigma = 1.6 * scale / 3
        support, weight = 3 * sigma, lambda distance: np.exp(-0.5 * (distance / sigma) ** 2)
    # HR pixels lie at 0, ±1, … from the LR pixel's centre for an odd scale, at ±0.5, ±1.5, … for an even one.
    first = (scale - 1) / 2 % 1
    half = np.arange(first, support, 1.0)
    distances = np.concatenate([-half[::-1], half]) if first else np.concatenate([-half[:0:-1], half])
    taps = weight(distances)
    return taps / taps.sum()


@lru_cache
def interpolation_taps(scale: int, kernel: str = "bicubic") -> list[tuple[np.ndarray, int]]:
    """The weights of an interpolation, for each of the `scale` places that an HR pixel can have in its LR pixel.

    Args:
        scale: The factor, 2 or more.
        kernel: `"bilinear"`, `"bicubic"` or `"lanczos"`.

    Returns:
        A pair for each place: the weights of the LR pixels around, and the index of the own LR pixel among them.
    """
    weight, support = {"bilinear": (_triangle, 1), "bicubic": (_cubic, 2), "lanczos": (_lanczos, 3)}[kernel]
    offsets = np.arange(-support, support + 1)
    phases = ((np.arange(scale) + 0.5) / scale) - 0.5
    return [(taps / taps.sum(), support) for taps in (weight(phase - offsets) for phase in phases)]
