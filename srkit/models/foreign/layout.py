"""From the tensors of a file to the layers of a model: what the layouts are written in."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Tensors = Mapping[str, np.ndarray]

_EPSILON = 1e-5  # of PyTorch's batch norm; Keras' is 1e-3


class Part(Protocol):
    """Where the weights of one layer are in a file."""

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        """The tensors that it takes, by name, with their shapes."""

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        """The layer's weights, in the order and the axes of Keras."""


@dataclass(frozen=True)
class Found:
    """What a layout has recognised in a file.

    Attributes:
        names: Whose names the tensors have, for a person.
        config: The model's builder, as `"model"`, and its arguments.
        layers: By the name of the model's layer, where its weights are.
        notes: What the file does not say, and is assumed.
        unneeded: Pattern of the names of tensors that the model does not need.
        any_scale: Whether the network is the same at each scale.
    """

    names: str
    config: Mapping[str, Any]
    layers: Mapping[str, Part]
    notes: tuple[str, ...] = ()
    unneeded: str = r".*\.num_batches_tracked"
    any_scale: bool = False

    def expected(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        """All tensors that the model takes, by name, with their shapes."""
        return {name: shape for part in self.layers.values() for name, shape in part.shapes(tensors).items()}

    def left_over(self, tensors: Tensors) -> list[str]:
        """Names of tensors that the model has no place for."""
        expected = self.expected(tensors)
        return [name for name in tensors if name not in expected and not re.fullmatch(self.unneeded, name)]


Layout = Callable[[Tensors], Found | None]


@dataclass(frozen=True)
class Conv:
    """A convolution of PyTorch: `NAME.weight` of shape (filters, inputs, height, width), and `NAME.bias`.

    Attributes:
        name: What its tensors' names begin with.
        inputs: Number of channels of its input.
        filters: Number of channels of its output.
        kernel_size: Side of the kernel in pixels.
        shuffle: Scale of the pixel shuffle behind it. PyTorch's takes channels in the order (colour, y, x), Keras'
            and ours (y, x, colour).
        unshuffle: Scale of the pixel unshuffle before it.
        gain: What the kernel is multiplied by, if the range of its input differs from ours.
        gain_out: What kernel and bias are multiplied by, if the range of its output differs.
        offset_out: What is then added to the bias.
        bias: Whether it has a bias; else it is 0.
    """

    name: str
    inputs: int
    filters: int
    kernel_size: int = 3
    shuffle: int = 1
    unshuffle: int = 1
    gain: float = 1.0
    gain_out: float = 1.0
    offset_out: float = 0.0
    bias: bool = True

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        kernel = (self.filters, self.inputs, self.kernel_size, self.kernel_size)
        shapes = {f"{self.name}.weight": kernel}
        if self.bias:
            shapes[f"{self.name}.bias"] = (self.filters,)
        return shapes

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        kernel = tensors[f"{self.name}.weight"] * (self.gain * self.gain_out)
        bias = tensors[f"{self.name}.bias"] if self.bias else np.zeros(self.filters)
        bias = bias * self.gain_out + self.offset_out
        return [
            colours_last(colours_last(kernel, 0, self.shuffle), 1, self.unshuffle).transpose(2, 3, 1, 0),
            colours_last(bias, 0, self.shuffle),
        ]


@dataclass(frozen=True)
class BatchNorm:
    """A batch norm of PyTorch; what its smaller epsilon changes is put into the scale."""

    name: str
    channels: int

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        names = ("weight", "bias", "running_mean", "running_var")
        return {f"{self.name}.{name}": (self.channels,) for name in names}

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        scale, offset, mean, variance = (tensors[name].astype(np.float64) for name in self.shapes(tensors))
        return [scale * np.sqrt((variance + 1e-3) / (variance + _EPSILON)), offset, mean, variance]


@dataclass(frozen=True)
class Slopes:
    """The slopes of a PReLU: one for each channel, or one for all."""

    name: str
    channels: int

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        name = f"{self.name}.weight"
        return {name: (1,) if name in tensors and tensors[name].shape == (1,) else (self.channels,)}

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        return [np.broadcast_to(tensors[f"{self.name}.weight"], (1, 1, self.channels))]


def colours_last(values: np.ndarray, axis: int, scale: int) -> np.ndarray:
    """Brings the channels of pixels that lie in one axis from the order (colour, y, x) to (y, x, colour)."""
    before, after = values.shape[:axis], values.shape[axis + 1 :]
    split = values.reshape(*before, -1, scale**2, *after)
    return split.swapaxes(axis, axis + 1).reshape(values.shape)


def has(tensors: Tensors, *names: str) -> bool:
    """Whether all these convolutions are there."""
    kernels = [tensors.get(f"{name}.weight") for name in names]
    return all(kernel is not None and kernel.ndim == 4 and kernel.size for kernel in kernels)


def names_of(tensors: Tensors, pattern: str, first: int = 0, step: int = 1) -> list[str]:
    """The convolutions of a pattern that are there, with the numbers `first`, `first + step` … for its `{}`."""
    names = []
    while has(tensors, name := pattern.format(first + step * len(names))):
        names.append(name)
    return names


def filters_of(tensors: Tensors, name: str) -> int:
    """Number of channels of a convolution's output."""
    return len(tensors[f"{name}.weight"])


def side_of(num_channels: int, colours: int) -> int:
    """The scale of a pixel shuffle that makes so many colours of so many channels."""
    return math.isqrt(num_channels // colours)


def upsampler(tensors: Tensors, names: Iterable[str], filters: int) -> tuple[int, list[Conv]]:
    """The scale and the convolutions of a chain of sub-pixel convolutions with so many channels before and behind."""
    scale, convolutions = 1, []
    for name in names:
        step = side_of(filters_of(tensors, name), filters)
        convolutions.append(Conv(name, filters, filters * step**2, shuffle=step))
        scale *= step
    return scale, convolutions


def numbered(layer: str, parts: Iterable[Part]) -> dict[str, Part]:
    """Parts under the names of layers that are numbered from 1."""
    return {layer.format(number): part for number, part in enumerate(parts, start=1)}
