"""Losses of frequencies: the upsampler's checkerboard, and the strength of detail."""

import cv2
import numpy as np
from keras import ops

from srkit.losses.pixel import luma_of

_DCT = cv2.dct(np.eye(8), flags=cv2.DCT_ROWS).T  # of 8 values; orthonormal


def checkerboard(hr, sr, scale: int):
    """How much stronger SR is than HR, in log power, at the multiples of 1 / `scale` cycle per px, in both directions.

    An upsampler that favours some places in its blocks of `scale` x `scale` px draws a fine checkerboard. Its power
    lies at these frequencies, where natural images have hardly more than beside them. What is weaker than in HR costs
    nothing. Power is that of each channel, from a Hann window of the whole crop, averaged over the batch. Below one
    grey level it counts for little.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
        scale: The factor of super-resolution.
    """
    ratio = (_checkerboard_power(sr, scale) + 1) / (_checkerboard_power(hr, scale) + 1)
    return ops.mean(ops.relu(ops.log(ratio)))


def _checkerboard_power(image, scale: int):
    """Power at each multiple of 1 / `scale` but the mean: `(scale² - 1, 3)`."""
    image = image - ops.mean(image, axis=(1, 2), keepdims=True)
    rows, columns = (_constant(_waves(side, scale), image) for side in image.shape[1:3])
    parts = ops.einsum("uy,byxc,vx->buvc", rows, image, columns)
    cos, sin = slice(None, scale), slice(scale, None)
    real = parts[:, cos, cos] - parts[:, sin, sin]
    imaginary = parts[:, cos, sin] + parts[:, sin, cos]
    power = ops.mean(ops.square(real) + ops.square(imaginary), axis=0)
    return ops.reshape(power, (-1, 3))[1:]


def _waves(length: int, scale: int) -> np.ndarray:
    """Windowed cosines, then sines, of all multiples of 1 / `scale` cycle per px: `(2 * scale, length)`."""
    window = np.hanning(length)
    phases = 2 * np.pi / scale * np.outer(np.arange(scale), np.arange(length))
    return np.concatenate([np.cos(phases), np.sin(phases)]) * window / np.sqrt(np.sum(window**2))


def spectrum(hr, sr):
    """Mean absolute difference of log power by frequency, so that SR has as much texture as HR, in the same places.

    Power is that of the discrete cosine transform of brightness in blocks of 8x8 px. Two differences are added: of
    regions of 2x2 blocks, which say where texture belongs, and of the whole crop, which says how much there is (Durall
    et al. 2020, "Watch your up-convolution", have a like term). Below one grey level power counts for little.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255]; sides of at least 8 px. Of larger ones than 16 px, what
            is left beside whole regions does not count.
    """
    powers = zip(_powers(hr), _powers(sr))
    return sum(ops.mean(ops.absolute(ops.log((of_hr + 1) / (of_sr + 1)))) for of_hr, of_sr in powers)


def _powers(image):
    """Power at 64 frequencies in regions of 16x16 px and in all: `(batch, regions down, across, 64)`, `(batch, 64)`."""
    size = _DCT.shape[0]
    rows, columns = image.shape[1] // size, image.shape[2] // size
    luma = luma_of(image[:, : rows * size, : columns * size])
    blocks = ops.reshape(luma, (-1, rows, size, columns, size))
    dct = _constant(_DCT, image)
    power = ops.square(ops.einsum("uy,brycx,vx->brcuv", dct, blocks, dct))
    region = min(2, rows, columns)
    power = ops.average_pool(ops.reshape(power, (-1, rows, columns, size * size)), region, strides=region)
    return power, ops.mean(power, axis=(1, 2))


def _constant(values, like):
    return ops.convert_to_tensor(values, dtype=like.dtype)
