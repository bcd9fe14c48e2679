"""DISTS, by the package of its authors."""

import functools
import warnings
from collections.abc import Callable

import numpy as np

from srkit.errors import InputError

_ABOUT = (
    "no package carries all of its weights. dists-pytorch has a part, and downloads VGG16 (528 MB) from PyTorch's hub "
    "at first use"
)


@functools.cache
def load_dists() -> Callable[[np.ndarray, np.ndarray], float]:
    """A function from two float arrays of shape (height, width, 3), RGB in [0, 255], to their DISTS.

    Raises:
        InputError: The packages of `srkit[metrics]` are not installed, or the weights cannot be loaded.
    """
    try:
        import torch
        from DISTS_pytorch import DISTS
    except ImportError:
        raise InputError(
            f"DISTS needs other packages (pip install 'srkit[metrics]'), since {_ABOUT}. Or leave dists out."
        ) from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torchvision has new names for what the package calls
            network = DISTS().eval()
    except Exception as error:  # network, disk, a server's answer: it raises many kinds
        reason = (str(error).strip().splitlines() or [""])[0][:120]
        raise InputError(
            f"DISTS could not load its weights ({type(error).__name__}: {reason}): {_ABOUT}. Check the network and try "
            "again, or leave dists out."
        ) from None

    def measure(hr: np.ndarray, sr: np.ndarray) -> float:
        tensors = (torch.from_numpy(np.moveaxis(image, -1, 0)[None].astype(np.float32) / 255) for image in (hr, sr))
        return float(network(*tensors).detach())

    return measure
