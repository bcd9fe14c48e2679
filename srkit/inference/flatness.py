"""Flat colours stay flat: models change them by some levels, and by many where their convolutions see zeros outside."""

import cv2
import numpy as np

_AROUND_PX = 5  # side of the square of LR pixels that must have one value
_BAND_ROWS = 64
_TINY_PX, _MARGIN_PX = 16, 8


def keep_flat(sr: np.ndarray, lr: np.ndarray, scale: int) -> None:
    """Sets what is flat in the LR image to its value, channel by channel, with a smooth passage to the rest.

    A channel is flat in a pixel if the 5x5 pixels around have one value. Photographs hardly have such places, logos
    and screenshots are made of them.

    Args:
        sr: The result, changed in place: array of shape (height * scale, width * scale, channels).
        lr: The image: array of the same type, and of shape (height, width, channels).
        scale: The model's scale.
    """
    for channel in range(lr.shape[2]):
        plane = np.ascontiguousarray(lr[..., channel])
        square = np.ones((_AROUND_PX, _AROUND_PX), np.uint8)
        is_flat = (cv2.erode(plane, square) == cv2.dilate(plane, square)).astype(np.float32)
        # One pixel further out the 3x3 pixels around still have that value: the passage lies there.
        weight = cv2.blur(is_flat, (3, 3), borderType=cv2.BORDER_REPLICATE)
        for top in range(0, len(plane), _BAND_ROWS):
            rows = slice(top, min(top + _BAND_ROWS, len(plane)))
            if weight[max(0, top - 1) : rows.stop + 1].any():
                _blend(sr[top * scale : rows.stop * scale, :, channel], plane, weight, rows, scale)


def _blend(sr: np.ndarray, plane: np.ndarray, weight: np.ndarray, rows: slice, scale: int) -> None:
    """Blends some rows of the LR plane into those of the result, by a weight from 0 to 1 for each LR pixel."""
    above, below = min(1, rows.start), min(1, len(plane) - rows.stop)  # rows that the interpolation looks at
    around = weight[rows.start - above : rows.stop + below]
    size = sr.shape[1], len(around) * scale
    smooth = cv2.resize(around, size, interpolation=cv2.INTER_LINEAR)[above * scale : (len(around) - below) * scale]
    flat = np.repeat(np.repeat(plane[rows], scale, axis=0), scale, axis=1)
    sr[:] = np.rint(sr + smooth * (flat - sr.astype(np.float32))).astype(sr.dtype)


def margin_of(lr: np.ndarray) -> int:
    """How many pixels are to be added around an image, mirrored: of a tiny one, a model would see hardly anything."""
    return _MARGIN_PX if min(lr.shape[:2]) < _TINY_PX else 0
