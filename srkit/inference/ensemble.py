"""Self-ensemble (Lim et al. 2017, section 3.4): the average over an image's eight flips and rotations."""

from collections.abc import Callable

import numpy as np


def ensembled(network: Callable[[np.ndarray], np.ndarray], lr: np.ndarray) -> np.ndarray:
    """Applies a network to the eight views of an image, turns the results back, and averages them."""
    total = 0
    for rotations in range(4):
        for flip in (False, True):
            sr = np.rot90(network(np.rot90(lr[:, ::-1] if flip else lr, rotations)), -rotations)
            total = total + (sr[:, ::-1] if flip else sr)
    return total / 8
