"""Upscaling: whole or in tiles with the same result, with or without self-ensemble."""

import itertools
import os
import weakref
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image

from srkit import images
from srkit.errors import InputError
from srkit.layers import BicubicUpsampling, PixelShuffle, SubPixelConv2D, SubPixelPReLU, WeightedAverage
from srkit.models import at_scale, scale_of, scales_of
from srkit.weights import DEFAULT_PRESET, load_model

_POINTWISE = (
    layers.InputLayer,
    layers.Rescaling,
    layers.BatchNormalization,
    layers.PReLU,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Activation,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    layers.Concatenate,
    SubPixelPReLU,
    WeightedAverage,
)
_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)

_functions = weakref.WeakKeyDictionary()


def upscale(
    image: "str | os.PathLike | Image.Image | np.ndarray",
    model: "keras.Model | str | os.PathLike" = DEFAULT_PRESET,
    ensemble: bool = False,
    tile_px: int = 256,
    scale: int | None = None,
) -> np.ndarray:
    """Upscales one image.

    Args:
        image: A path, a PIL image, or a uint8 RGB array of shape (height, width, 3).
        model: A model from LR to SR, or what `load_model` takes.
        ensemble: Average the results for the image's eight flips and rotations (Lim et al. 2017, section 3.4):
            a little better, eight times slower.
        tile_px: Largest side of a tile, in LR px, without its overlap; beside the two images, memory is needed for one
            tile. Tiles overlap by the model's receptive field: the result is that of the whole image.
        scale: How many times to enlarge: needed for a model that has several scales, such as `srkit.models.mdsr`.

    Returns:
        uint8 RGB array of shape (height * scale, width * scale, 3).

    Raises:
        InputError: The image or the model cannot be read, the model is not one for super-resolution, or it does not
            have the scale.
    """
    lr = images.read(image)
    if not isinstance(model, keras.Model):
        model = load_model(model)
    apply = _apply_ensemble if ensemble else _apply
    return _tiled(apply, _choose_scale(model, scale), lr, tile_px, np.uint8, images.to_uint8)


def predict(model: keras.Model, lr: np.ndarray, tile_px: int = 256, scale: int | None = None) -> np.ndarray:
    """As `upscale` of an array, but not rounded: float32 array of shape (height * scale, width * scale, 3)."""
    return _tiled(_apply, _choose_scale(model, scale), lr, tile_px, np.float32, lambda sr: sr)


def _choose_scale(model: keras.Model, scale: int | None) -> keras.Model:
    if scale is None or scales_of(model) == (scale,):
        return model
    if len(scales_of(model)) == 1:
        raise InputError(f"{model.name} enlarges {scale_of(model)} times; asked: {scale}. Use a model of that scale.")
    return at_scale(model, scale)


def _tiled(apply: Callable, model: keras.Model, lr: np.ndarray, tile_px: int, dtype: type, finish: Callable):
    """Applies a model tile by tile; each tile is finished (rounded) before the next one is begun."""
    scale = scale_of(model)
    radius = receptive_field_px(model)
    height, width = lr.shape[:2]
    if radius is None or max(height, width) <= tile_px + 2 * radius:
        return finish(apply(model, lr))
    sr = np.empty((height * scale, width * scale, 3), dtype)
    for top, bottom in _spans(height, tile_px):
        for left, right in _spans(width, tile_px):
            # The tile with its surroundings, as far as there are any.
            above, before = max(0, top - radius), max(0, left - radius)
            tile = apply(model, lr[above : bottom + radius, before : right + radius])
            rows = slice((top - above) * scale, (bottom - above) * scale)
            columns = slice((left - before) * scale, (right - before) * scale)
            sr[top * scale : bottom * scale, left * scale : right * scale] = finish(tile[rows, columns])
    return sr


def receptive_field_px(model: keras.Model) -> int | None:
    """How far, in LR px, the pixels lie that an output pixel depends on: derived from the model's layers.

    Returns:
        The radius; None for a model with layers of which it is not known.
    """
    reach = {id(model.outputs[0]): 0}
    # Node by node, not layer by layer: a layer may be applied several times, and in other models, too.
    for depth in sorted(model._nodes_by_depth):
        for node in model._nodes_by_depth[depth]:
            radius = _reach_before(node.operation, max(reach.get(id(tensor), 0) for tensor in node.outputs))
            if radius is None:
                return None
            for tensor in node.input_tensors:
                reach[id(tensor)] = max(radius, reach.get(id(tensor), 0))
    return reach[id(model.inputs[0])]


def _reach_before(operation, radius: int) -> int | None:
    """From the radius in pixels of a layer's output to the radius in pixels of its input."""
    if isinstance(operation, PixelShuffle):
        return -(-radius // operation.scale)
    if isinstance(operation, BicubicUpsampling):
        return -(-radius // operation.scale) + 2
    if isinstance(operation, SubPixelConv2D):
        return -(-radius // operation.scale) + operation.radius_px
    if isinstance(operation, layers.UpSampling2D) and operation.interpolation == "nearest":
        return -(-radius // min(operation.size))
    if isinstance(operation, _CONVOLUTIONS) and max(operation.strides) == 1 and operation.padding == "same":
        return radius + max(
            dilation * (size // 2)
            for size, dilation in zip(operation.kernel_size, operation.dilation_rate, strict=True)
        )
    return radius if isinstance(operation, _POINTWISE) else None


def _spans(length: int, longest: int) -> list[tuple[int, int]]:
    """Cuts a length into the fewest spans of nearly one size."""
    count = -(-length // longest)
    edges = [length * index // count for index in range(count + 1)]
    return list(itertools.pairwise(edges))


def _apply(model: keras.Model, lr: np.ndarray) -> np.ndarray:
    if model not in _functions:
        _functions[model] = _function(model)
    return _functions[model](lr[None].astype(np.float32))[0].numpy()


def _function(model: keras.Model) -> Callable:
    """One graph for images of all sizes; for a model of which there can be none, the model's own call."""
    # The model itself must not be held here, or it would never be freed.
    reference = weakref.ref(model)

    def call(batch):
        return reference()(batch, training=False)

    function = tf.function(call, input_signature=[tf.TensorSpec((1, None, None, 3), tf.float32)])
    try:
        function.get_concrete_function()
    except tf.errors.OperatorNotAllowedInGraphError:  # Keras' bilinear and bicubic UpSampling2D need known sizes
        return call
    return function


def _apply_ensemble(model: keras.Model, lr: np.ndarray) -> np.ndarray:
    total = 0
    for rotations in range(4):
        for flip in (False, True):
            sr = np.rot90(_apply(model, np.rot90(lr[:, ::-1] if flip else lr, rotations)), -rotations)
            total = total + (sr[:, ::-1] if flip else sr)
    return total / 8
