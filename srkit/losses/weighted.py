"""A weighted sum of losses, each known by its name."""

import inspect
import os
from collections.abc import Mapping

import keras

from srkit.backend import check_settings
from srkit.errors import InputError, check_choice
from srkit.losses.table import LOSSES
from srkit.losses.vgg import VGGLoss


class WeightedLosses:
    """The sum of losses times their weights: `WeightedLosses({"vgg54": 1, "colour": 1})`.

    Args:
        weights: Weight by name (see `LOSSES`), each above 0.
        vgg_weights: See `srkit.losses.VGGLoss`.

    Attributes:
        weights: As given.
        networks: The frozen Keras models that losses look through.

    Raises:
        InputError: There is no such loss, a weight is not above 0, or the weights of a network cannot be had.
    """

    def __init__(self, weights: Mapping[str, float], vgg_weights: "str | os.PathLike | None" = None):
        check_settings()
        self.weights = dict(weights)
        self._losses = {name: _loss(name, weight, vgg_weights) for name, weight in self.weights.items()}

    def __call__(self, hr, sr, scale: int) -> tuple:
        """The sum, and each loss by its name before it is weighted.

        Args:
            hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
            scale: The factor of super-resolution, for the losses that depend on it.
        """
        values = {name: _value(loss, hr, sr, scale) for name, loss in self._losses.items()}
        return sum(self.weights[name] * value for name, value in values.items()), values

    @property
    def networks(self) -> list[keras.Model]:
        return [loss.network for loss in self._losses.values() if hasattr(loss, "network")]

    @property
    def fingerprint(self) -> dict[str, str]:
        """For each loss with a network, a text that changes with the network's weights."""
        return {name: loss.fingerprint for name, loss in self._losses.items() if hasattr(loss, "fingerprint")}


def _loss(name: str, weight: float, vgg_weights: "str | os.PathLike | None"):
    check_choice("loss", name, tuple(LOSSES))
    if not 0 < weight < float("inf"):
        raise InputError(f"The weight of the loss {name} must be above 0; received {weight}.")
    loss = LOSSES[name]
    if isinstance(loss, type):
        return loss(vgg_weights) if issubclass(loss, VGGLoss) else loss()
    return loss


def _value(loss, hr, sr, scale: int):
    return loss(hr, sr, scale) if "scale" in inspect.signature(loss).parameters else loss(hr, sr)
