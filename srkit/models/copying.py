"""A model that starts from another one's weights."""

import os
from typing import NamedTuple

import keras

from srkit.errors import InputError
from srkit.models.scales import scales_of
from srkit.models.weights import load_model


class CopiedLayers(NamedTuple):
    """What a model starts with, as names of layers that have weights.

    Attributes:
        copied: Layers with the weights of the other model.
        new: Layers that stay as they were initialised.
    """

    copied: list[str]
    new: list[str]


def start_from(model: keras.Model, source: "keras.Model | str | os.PathLike") -> CopiedLayers:
    """Copies another model's weights where they fit: EDSR's x3 and x4 start from x2 (Lim et al. 2017, section 3.2).

    A layer fits if the source has one of its name, with weights of the same shapes. Between models of different scales
    the layers that upsample stay new.

    ```python
    model = edsr(scale=3)
    copied, new = start_from(model, "edsr-x2")
    ```

    Args:
        model: The model to copy into.
        source: A model, or what `load_model` takes.

    Returns:
        Which layers were copied, and which ones are new.

    Raises:
        InputError: The source cannot be loaded, or none of its layers fits. The model is then as it was.
    """
    if not isinstance(source, keras.Model):
        source = load_model(source)
    same_scale = scales_of(model) == scales_of(source)
    sources = {layer.name: layer for layer in source.layers}
    start = CopiedLayers([], [])
    for layer in model.layers:
        # EDSR's upsample1_conv has one shape at x2 and x4, but at x4 it makes features, not what the tail takes.
        fits = (
            layer.name in sources
            and _shapes(layer) == _shapes(sources[layer.name])
            and (same_scale or "upsample" not in layer.name)
        )
        if layer.weights:
            (start.copied if fits else start.new).append(layer.name)
    if not start.copied:
        raise InputError(
            f"{model.name} cannot start from {source.name}: no layer has its name and shape there. "
            "Start from weights of the same architecture with as many filters."
        )
    for name in start.copied:
        model.get_layer(name).set_weights(sources[name].get_weights())
    return start


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [weight.shape for weight in layer.weights]
