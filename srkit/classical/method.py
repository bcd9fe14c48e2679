"""What the classical methods share, so that they can stand where a Keras model does."""

import abc
from collections.abc import Mapping

import h5py
import numpy as np


class ClassicalModel(abc.ABC):
    """A method that makes SR of LR without a network.

    What it has learned are arrays, in `weights` by their names. They are saved and loaded like a Keras model's: by
    `srkit.save_weights` and `srkit.load_model`.

    Attributes:
        name: Its name in messages.
        scale: HR side / LR side.
        config: `"model"`, its name in `METHODS`, and the arguments that build it.
        weights: float32 arrays, by name.
        radius_px: How far around an LR pixel the result looks, in LR px: by so much tiles overlap. None for a method
            that needs the whole image.
        bytes_per_px: Memory for intermediate results, for each LR pixel.
        grid_px: Parts of an image may begin at its multiples: at each LR pixel.
    """

    scale: int
    config: Mapping[str, str | int]
    weights: dict[str, np.ndarray]
    radius_px: int | None
    bytes_per_px: float
    grid_px = 1
    layers = ()  # what a network has

    @property
    def name(self) -> str:
        return self.config["model"]

    @abc.abstractmethod
    def __call__(self, lr: np.ndarray) -> np.ndarray:
        """Makes SR.

        Args:
            lr: float32 array of shape (height, width, 3), RGB in [0, 255].

        Returns:
            float32 array of shape (height * scale, width * scale, 3), neither rounded nor clipped.
        """

    def batch(self, lrs: np.ndarray) -> np.ndarray:
        """Makes SR of several images: float32 arrays of shape (images, height, width, 3)."""
        return np.stack([self(lr.astype(np.float32)) for lr in lrs])

    def count_params(self) -> int:
        """How many numbers it has learned."""
        return sum(array.size for array in self.weights.values())

    def save_weights(self, path) -> None:
        """Writes the weights into an HDF5 file."""
        with h5py.File(path, "w") as file:
            for name, array in self.weights.items():
                file[name] = array

    def load_weights(self, path) -> None:
        """Reads the weights from an HDF5 file; raises a ValueError or KeyError if they do not fit."""
        with h5py.File(path) as file:
            for name, array in self.weights.items():
                array[:] = file[name][()].reshape(array.shape)
