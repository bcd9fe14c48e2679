"""How far tiles overlap: as far as the model looks, so that they equal the whole; or less, where that is near enough.

What a network sees from afar changes its result little. Of a deep one, tiles that equal the whole are mostly overlap.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from srkit.image import to_uint8
from srkit.inference.predictor import Predictor

_CROPS_PX = (192, 384)
_CUT = 2 / 3  # of the crop's side: so much of it is computed without the rest
_COMPARED_PX = 32  # what lies nearest to the cut, where it shows
MOST_DIFFERENT = 0.001  # of the values
_STEP_PX = 4


class NearEnough(NamedTuple):
    """An overlap smaller than the receptive field.

    Attributes:
        overlap_px: The overlap in LR pixels.
        share: The share of the values beside a cut, from 0 to 1, that differ by more than one grey level.
    """

    overlap_px: int
    share: float


def near_enough(network: Predictor, lr: np.ndarray, most_px: float) -> NearEnough | None:
    """The smallest overlap at which crops of an image, cut, hardly differ from the crops computed as one.

    Beside the cut, in what 32 LR pixels become, at most 0.1 % of the values differ by more than one grey level. There
    are two crops: where the image has most detail, and in its middle. Where they are too small for that, larger ones
    are tried.

    Args:
        network: The network in float32. In bfloat16, the slightest influence can round a feature to another value, and
            pixels differ that the cut has little to do with.
        lr: float32 array of shape (height, width, 3), in [0, 255].
        most_px: The most pixels that the memory suffices for at one time.

    Returns:
        The overlap. If none is large enough, the largest one tried, whose share says so. None if the image or the
        memory is too small for crops, or only the receptive field is large enough.
    """
    found = None
    for side in sorted({min(side, *lr.shape[:2], int(most_px**0.5)) // 8 * 8 for side in _CROPS_PX}):
        if side >= 2 * _COMPARED_PX:
            found = _smallest(np.max([_shares(network, crop) for crop in _crops(lr, side)], axis=0))
            if found.share <= MOST_DIFFERENT:
                break
    return found if found and found.overlap_px < network.radius_px else None


def _smallest(shares: np.ndarray) -> NearEnough:
    """The first overlap whose share is small, or else the last one."""
    small = np.flatnonzero(shares <= MOST_DIFFERENT)
    index = int(small[0]) if len(small) else len(shares) - 1
    return NearEnough(index * _STEP_PX, float(shares[index]))


def _crops(lr: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """The crop with most detail; and the one in the middle, turned, so that it is cut across."""
    edges = np.abs(cv2.Laplacian(cv2.cvtColor(lr, cv2.COLOR_RGB2GRAY), cv2.CV_32F))
    detail = cv2.boxFilter(edges, -1, (side, side))
    inside = detail[side // 2 : len(lr) - side // 2 + 1, side // 2 : lr.shape[1] - side // 2 + 1]
    top, left = np.unravel_index(inside.argmax(), inside.shape)
    yield lr[top : top + side, left : left + side]
    top, left = (lr.shape[0] - side) // 2, (lr.shape[1] - side) // 2
    yield lr[top : top + side, left : left + side].swapaxes(0, 1)


def _shares(network: Predictor, crop: np.ndarray) -> np.ndarray:
    """For overlaps of 0, 4, 8 … px, the share of the values beside a cut that differ by more than one grey level."""
    cut = int(crop.shape[1] * _CUT) // 8 * 8
    whole, part = (to_uint8(network(np.ascontiguousarray(x))).astype(np.int16) for x in (crop, crop[:, :cut]))
    differ = np.abs(whole[:, : part.shape[1]] - part) > 1
    by_column = differ.reshape(len(differ), cut, network.scale * 3).mean(axis=(0, 2))[::-1]  # from the cut on
    overlaps = range(0, cut - _COMPARED_PX + 1, _STEP_PX)
    return np.array([by_column[overlap : overlap + _COMPARED_PX].mean() for overlap in overlaps])
