"""Images of any size through a network that takes one size only."""

from collections.abc import Callable, Iterator

import numpy as np


def in_windows(
    network: Callable[[np.ndarray], np.ndarray],
    lr: np.ndarray,
    sides: tuple[int | None, int | None],
    overlap: int,
    scale: int,
) -> np.ndarray:
    """Applies a network to windows of an image, and puts their middles together. A smaller image is mirrored first.

    Args:
        network: A function of arrays of shape (height, width, channels).
        lr: Array of that kind, of any size.
        sides: The height and width of the windows; None for the image's own.
        overlap: How far from its edges, in LR px, a window's result is left out, unless they are the image's. It is
            less than half of a side.
        scale: By which the network enlarges.
    """
    height, width = lr.shape[:2]
    rows, columns = (side or length for side, length in zip(sides, (height, width), strict=True))
    below, beside = max(0, rows - height), max(0, columns - width)
    padded = np.pad(lr, [(0, below), (0, beside), (0, 0)], mode="symmetric")
    sr = np.empty((padded.shape[0] * scale, padded.shape[1] * scale, lr.shape[2]), np.float32)
    for top in _starts(padded.shape[0], rows, overlap):
        for left in _starts(padded.shape[1], columns, overlap):
            made = network(padded[top : top + rows, left : left + columns])
            # What is too near to the window's other edges is overwritten by the windows that follow.
            above, before = overlap * scale if top else 0, overlap * scale if left else 0
            place = sr[top * scale : (top + rows) * scale, left * scale : (left + columns) * scale]
            place[above:, before:] = made[above:, before:]
    return np.ascontiguousarray(sr[: height * scale, : width * scale])


def _starts(length: int, side: int, overlap: int) -> Iterator[int]:
    yield from range(0, length - side, side - 2 * overlap)
    yield length - side
