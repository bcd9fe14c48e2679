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
from srkit.layers import PixelShuffle, SubPixelConv2D, SubPixelPReLU
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
)
_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)

_functions = weakref.WeakKeyDictionary()


def upscale(
    image: "str | os.PathLike | Image.Image | np.ndarray",
    model: "keras.Model | str | os.PathLike" = DEFAULT_PRESET,
    ensemble: bool = False,
    tile_px: int = 256,
) -> np.ndarray:
    """Upscales one image.

    Args:
        image: A path, a PIL image, or a uint8 RGB array of shape (height, width, 3).
        model: A model from LR to SR, or what `load_model` takes.
        ensemble: Average the results for the image's eight flips and rotations (Lim et al. 2017, section 3.4):
            a little better, eight times slower.
        tile_px: Largest side of a tile, in LR px, without its overlap; beside the two images, memory is needed for one
            tile. Tiles overlap by the model's receptive field: the result is that of the whole image.

    Returns:
        uint8 RGB array of shape (height * scale, width * scale, 3).

    Raises:
        InputError: The image or the model cannot be read, or the model is not one for super-resolution.
    """
    lr = images.read(image)
    if not isinstance(model, keras.Model):
        model = load_model(model)
    apply = _apply_ensemble if ensemble else _apply
    return _tiled(apply, model, lr, tile_px, np.uint8, images.to_uint8)


def predict(model: keras.Model, lr: np.ndarray, tile_px: int = 256) -> np.ndarray:
    """As `upscale` of an array, but not rounded: float32 array of shape (height * scale, width * scale, 3)."""
    return _tiled(_apply, model, lr, tile_px, np.float32, lambda sr: sr)


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


def scale_of(model: keras.Model) -> int:
    """The factor by which a model enlarges an image.

    Raises:
        InputError: The model does not map an RGB image to a larger one.
    """
    try:
        shape = model.compute_output_shape((1, 96, 96, 3))
        factors = {shape[1] / 96, shape[2] / 96}
    except (ValueError, TypeError, IndexError, AttributeError):
        shape, factors = None, {0}
    scale = int(next(iter(factors)))
    if len(factors) != 1 or scale not in factors or scale < 1 or shape[-1] != 3:
        raise InputError(
            f"{model.name} is not a super-resolution model: it must map (batch, height, width, 3) "
            "to a whole multiple of the height and width, and 3 channels."
        )
    return scale


def receptive_field_px(model: keras.Model) -> int | None:
    """How far, in LR px, the pixels lie that an output pixel depends on: derived from the model's layers.

    Returns:
        The radius; None for a model with layers of which it is not known, or that are used several times.
    """
    reach = {id(model.outputs[0]): 0}
    for operation in reversed(model.operations):
        outputs = operation.output if isinstance(operation.output, list) else [operation.output]
        inputs = operation.input if isinstance(operation.input, list) else [operation.input]
        radius = _reach_before(operation, max(reach.get(id(tensor), 0) for tensor in outputs))
        if radius is None:
            return None
        for tensor in inputs:
            reach[id(tensor)] = max(radius, reach.get(id(tensor), 0))
    return reach[id(model.inputs[0])]


def _reach_before(operation, radius: int) -> int | None:
    """From the radius in pixels of a layer's output to the radius in pixels of its input."""
    if len(operation._inbound_nodes) > 1:
        return None
    if isinstance(operation, PixelShuffle):
        return -(-radius // operation.scale)
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
