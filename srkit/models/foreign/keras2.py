"""Layouts of Keras 2's weights, `.h5`: krasserm/super-resolution, and what has the same layers in the same order.

There the weights have Keras' axes and order already; only the layers' places are to be found.
"""

from dataclasses import dataclass

import numpy as np

from srkit.models.architectures.wdsr import narrow_filters
from srkit.models.foreign.layout import Found, Tensors, side_of

_OWNER = "krasserm/super-resolution"
_ASSUMED = "range [0, 255], DIV2K's mean and no residual scaling, which the file does not say"


@dataclass(frozen=True)
class Layer:
    """A layer of Keras.

    Attributes:
        number: Its number among the layers that have weights.
        weight_shapes: The shapes of its weights.
    """

    number: int
    weight_shapes: tuple[tuple[int, ...], ...]

    def shapes(self, tensors: Tensors) -> dict[str, tuple[int, ...]]:
        return {f"{self.number}.{place}": shape for place, shape in enumerate(self.weight_shapes)}

    def weights(self, tensors: Tensors) -> list[np.ndarray]:
        return [tensors[name] for name in self.shapes(tensors)]


class _Chain:
    """Layers in the order of the file."""

    def __init__(self, first: int = 0):
        self.number = first
        self.layers: dict[str, Layer] = {}

    def add(self, name: str, *shapes: tuple[int, ...]) -> None:
        self.layers[name] = Layer(self.number, shapes)
        self.number += 1

    def conv(self, name: str, inputs: int, filters: int, size: int = 3) -> None:
        self.add(name, (size, size, inputs, filters), (filters,))

    def batch_norm(self, name: str, channels: int) -> None:
        self.add(name, *[(channels,)] * 4)

    def prelu(self, name: str, channels: int) -> None:
        self.add(name, (1, 1, channels))


def edsr(tensors: Tensors) -> Found | None:
    """EDSR: convolutions only, of which the first and the last have 3 channels at one side."""
    kernels = _kernels(tensors)
    if len(kernels) != _num_layers(tensors) or len(kernels) < 4 or kernels[0][:3] != (3, 3, 3) or kernels[-1][3] != 3:
        return None
    filters, chain = kernels[0][3], _Chain()
    steps = [side_of(kernel[3], filters) for kernel in kernels[1:-1] if kernel[3] != filters]
    num_blocks = (len(kernels) - 3 - len(steps)) // 2
    chain.conv("head_conv", 3, filters)
    for number in range(1, num_blocks + 1):
        chain.conv(f"block{number}_conv1", filters, filters)
        chain.conv(f"block{number}_conv2", filters, filters)
    chain.conv("body_conv", filters, filters)
    for number, step in enumerate(steps, start=1):
        chain.conv(f"upsample{number}_conv", filters, filters * step**2)
    chain.conv("tail_conv", filters, 3)
    config = {"model": "edsr", "scale": int(np.prod(steps)), "filters": filters, "num_blocks": num_blocks}
    return Found(_OWNER, config, chain.layers, notes=(_ASSUMED,))


def srgan(tensors: Tensors) -> Found | None:
    """SRGAN's generator, also that of the Keras SRGAN proof of concept: 9x9 convolutions at both ends, batch norm."""
    kernels = _kernels(tensors)
    if len(kernels) < 6 or kernels[0][:3] != (9, 9, 3) or kernels[-1][:2] != (9, 9):
        return None
    filters, chain = kernels[0][3], _Chain()
    steps = [side_of(kernel[3], filters) for kernel in kernels[1:-1] if kernel[3] != filters]
    num_blocks = (len(kernels) - 3 - len(steps)) // 2
    chain.conv("head_conv", 3, filters, 9)
    chain.prelu("head_prelu", filters)
    for number in range(1, num_blocks + 1):
        chain.conv(f"block{number}_conv1", filters, filters)
        chain.batch_norm(f"block{number}_bn1", filters)
        chain.prelu(f"block{number}_prelu", filters)
        chain.conv(f"block{number}_conv2", filters, filters)
        chain.batch_norm(f"block{number}_bn2", filters)
    chain.conv("body_conv", filters, filters)
    chain.batch_norm("body_bn", filters)
    for number, step in enumerate(steps, start=1):
        chain.conv(f"upsample{number}_conv", filters, filters * step**2)
        chain.prelu(f"upsample{number}_prelu", filters)
    chain.conv("tail_conv", filters, 3, 9)
    config = {"model": "srresnet", "scale": int(np.prod(steps)), "filters": filters, "num_blocks": num_blocks}
    return Found(_OWNER, config, chain.layers)


def wdsr(tensors: Tensors) -> Found | None:
    """WDSR, whose 5x5 skip may come anywhere among the others."""
    kernels = _kernels(tensors)
    skips = [number for number, kernel in enumerate(kernels) if kernel[:2] == (5, 5)]
    if len(skips) != 1 or len(kernels) != _num_layers(tensors) or len(kernels) < 5:
        return None
    skip = skips[0]
    others = [number for number in range(len(kernels)) if number != skip]
    filters, wide = kernels[others[0]][3], kernels[others[1]]
    block, scale = "b" if wide[0] == 1 else "a", side_of(kernels[skip][3], 3)
    expansion, length = wide[3] // filters, 3 if block == "b" else 2
    num_blocks, chain = (len(others) - 2) // length, _Chain()
    chain.conv("head_conv", 3, filters)
    for number in range(1, num_blocks + 1):
        chain.conv(f"block{number}_conv1", filters, filters * expansion, wide[0])
        if block == "b":
            chain.conv(f"block{number}_conv2", filters * expansion, narrow_filters(filters), 1)
            chain.conv(f"block{number}_conv3", narrow_filters(filters), filters)
        else:
            chain.conv(f"block{number}_conv2", filters * expansion, filters)
    chain.conv("upsample1_conv", filters, 3 * scale**2)
    layers = {
        name: Layer(others[layer.number], layer.weight_shapes) if layer.number < len(others) else layer
        for name, layer in chain.layers.items()
    }
    layers["skip_upsample1_conv"] = Layer(skip, ((5, 5, 3, 3 * scale**2), (3 * scale**2,)))
    config = {"model": "wdsr", "scale": scale, "filters": filters, "num_blocks": num_blocks}
    return Found(_OWNER, {**config, "expansion": expansion, "block": block}, layers, notes=(_ASSUMED,))


def _num_layers(tensors: Tensors) -> int:
    return len({name.partition(".")[0] for name in tensors})


def _kernels(tensors: Tensors) -> list[tuple[int, ...]]:
    """The shapes of all kernels, in the order of the file; none for files that are not of Keras."""
    if "0.0" not in tensors:
        return []
    return [value.shape for value in tensors.values() if value.ndim == 4 and value.size]
