"""How far a model looks: with tiles that overlap by as much, an image is what it is as a whole."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from srkit.models import fixed_sides, scale_of
from srkit.models.graph import graph_of
from srkit.models.layers import (
    BatchNormalization,
    BicubicUpsampling,
    BilinearUpsampling,
    FullRangeLuma,
    Luma,
    PReLU,
    WeightedAverage,
    WideConv2D,
)
from srkit.models.subpixel import PixelShuffle, PixelUnshuffle, SubPixelConv2D, SubPixelPReLU, WithoutPadding

_POINTWISE = (
    layers.Rescaling,
    layers.BatchNormalization,
    BatchNormalization,
    layers.PReLU,
    PReLU,
    layers.ReLU,
    layers.LeakyReLU,
    layers.Activation,
    layers.Add,
    layers.Subtract,
    layers.Multiply,
    SubPixelPReLU,
    WeightedAverage,
    WithoutPadding,
    Luma,
    FullRangeLuma,
)
_CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
_MEASURED_ON_PX = (64, 128, 256)


def receptive_field_px(model: keras.Model) -> int | None:
    """How far, in LR px, the pixels lie that an output pixel depends on.

    It is derived from the model's layers; if there are some of which it is not known, it is measured.

    Returns:
        The radius; None for a model whose images cannot be cut, since each pixel depends on all, or on where in the
        image it lies. Of one whose images have one size, it may also not be known.
    """
    radius = _derived(model)
    return _measured(model) if radius is None and not any(fixed_sides(model)) else radius


def grid_px(model: keras.Model) -> int:
    """The multiples, in LR px, at which parts of an image may begin: 1, except for models that unshuffle pixels."""
    graph = graph_of(model)
    operations = () if graph is None else (call.operation for call in graph.calls)
    return math.prod(operation.scale for operation in operations if isinstance(operation, PixelUnshuffle))


def _derived(model: keras.Model) -> int | None:
    graph = graph_of(model)
    if graph is None:
        return None
    reach = dict.fromkeys(graph.outputs, 0)
    for call in reversed(graph.calls):
        radius = _reach_before(call.operation, max(reach.get(tensor, 0) for tensor in call.outputs))
        if radius is None:
            return None
        for tensor in call.inputs:
            reach[tensor] = max(radius, reach.get(tensor, 0))
    return reach[graph.inputs[0]]


def _reach_before(operation, radius: int) -> int | None:
    """From the radius in pixels of a layer's output to the radius in pixels of its input.

    None for layers that are not known, and for kinds of known ones that others have derived.
    """
    if isinstance(operation, PixelShuffle):
        return -(-radius // operation.scale)
    if isinstance(operation, PixelUnshuffle):
        return radius * operation.scale + operation.scale - 1
    if isinstance(operation, WideConv2D):
        return radius + 1
    if isinstance(operation, BicubicUpsampling | BilinearUpsampling):
        return -(-radius // operation.scale) + operation.radius_px
    if isinstance(operation, SubPixelConv2D):
        return -(-radius // operation.scale) + operation.radius_px
    if isinstance(operation, layers.UpSampling2D) and operation.interpolation == "nearest":
        return -(-radius // min(operation.size))
    if type(operation) in _CONVOLUTIONS and max(operation.strides) == 1 and operation.padding == "same":
        return radius + max(
            dilation * (size // 2)
            for size, dilation in zip(operation.kernel_size, operation.dilation_rate, strict=True)
        )
    if isinstance(operation, layers.Concatenate) and operation.axis in (-1, 3):
        return radius
    return radius if type(operation) in _POINTWISE else None


def _measured(model: keras.Model) -> int | None:
    scale = scale_of(model)
    try:
        for side in _MEASURED_ON_PX:
            radius = _spread_px(model, scale, side)
            if radius is not None:
                return radius if _cut_leaves_no_trace(model, scale, radius) else None
    except (ValueError, TypeError, tf.errors.OpError):  # a size that the model does not take: so it is with tiles
        pass
    return None


def _spread_px(model: keras.Model, scale: int, side: int) -> int | None:
    """How far a pixel that is not a number spreads, whatever the weights are; None if it reaches the border."""
    image = np.full((1, side, side, 3), 127.5, np.float32)
    middle = side // 2
    image[:, middle, middle] = np.nan
    reached = np.isnan(model(image, training=False)[0]).any(axis=2)
    places = np.concatenate(np.nonzero(reached)) // scale
    if not len(places) or places.min() == 0 or places.max() == side - 1:
        return None
    return max(middle - places.min(), places.max() - middle)


def _cut_leaves_no_trace(model: keras.Model, scale: int, radius: int) -> bool:
    """Whether pixels farther than the radius from a cut stay as they are. Strides, windows and positions would show."""
    side, top, left, bottom, right = 2 * radius + 40, 1, 3, 2, 5
    noise = np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    whole = np.asarray(model(noise, training=False))[0]
    part = np.asarray(model(noise[:, top : side - bottom, left : side - right], training=False))[0]
    inside = whole[
        (top + radius) * scale : (side - bottom - radius) * scale,
        (left + radius) * scale : (side - right - radius) * scale,
    ]
    rows, columns = inside.shape[:2]
    part = part[radius * scale : radius * scale + rows, radius * scale : radius * scale + columns]
    return np.allclose(part, inside, rtol=1e-5, atol=1e-3)
