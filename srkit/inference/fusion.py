"""Layers folded into one for inference: batch norm into convolutions, and linear chains into a single convolution."""

import collections
import functools
import math
from collections.abc import Callable

import keras
from keras import layers, ops

from srkit.models.layers import PixelShuffle, before_shuffle

_SMALL_PX = 16  # smaller images are mostly border


def folded(model: keras.Model) -> dict[keras.Operation, Callable]:
    """What to compute in place of some of a model's layers, for the same result with less work.

    - A batch norm behind a convolution becomes part of it.
    - Convolutions with nothing but pixel shuffles between them, such as all that is behind EDSR's body, become one
      convolution before the shuffles: at x4 with a tenth of the products.

    Weights are read when the replacement is called or traced, so that they are those of the moment.
    """
    if not hasattr(model, "_nodes_by_depth"):  # a model that is program code: its layers are not known
        return {}
    graph = _Graph(model)
    replaced = {}
    for conv in filter(_is_linear, graph.uses):
        norm = graph.only_reader(conv)
        if isinstance(norm, layers.BatchNormalization) and norm.axis in (-1, 3):
            replaced[conv] = functools.partial(_convolve_and_normalize, conv, norm)
            replaced[norm] = _passed_on
    for conv in graph.uses:
        chain = _linear_chain(conv, graph)
        if chain and not any(layer in replaced for layer in chain) and _saves_work(chain):
            replaced |= dict.fromkeys(chain, _passed_on) | {conv: functools.partial(_collapsed, chain)}
    return replaced


class _Graph:
    """Who reads what in a model.

    Attributes:
        uses: How often each operation is called, in the model's order.
    """

    def __init__(self, model: keras.Model):
        depths = sorted(model._nodes_by_depth, reverse=True)
        nodes = [node for depth in depths for node in model._nodes_by_depth[depth]]
        self.uses = collections.Counter(node.operation for node in nodes)
        self._outputs = {node.operation: id(node.outputs[0]) for node in nodes}
        self._readers = collections.defaultdict(list)
        for node in nodes:
            for tensor in node.input_tensors:
                self._readers[id(tensor)].append(node.operation)
        for tensor in model.outputs:
            self._readers[id(tensor)].append(None)

    def only_reader(self, operation: keras.Operation) -> keras.Operation | None:
        """The operation that is all that becomes of another's result, if both are called once."""
        readers = self._readers[self._outputs[operation]]
        if len(readers) > 1 or self.uses[operation] > 1 or self.uses[readers[0]] > 1:
            return None
        return readers[0]


def _passed_on(inputs, **_):
    return inputs


def _is_linear(layer: keras.Operation) -> bool:
    return type(layer) is layers.Conv2D and layer.activation is keras.activations.linear


def _convolve_and_normalize(conv: layers.Conv2D, norm: layers.BatchNormalization, inputs):
    """Both in one convolution: the norm's factor goes into the kernel, and what it adds is a bias."""
    factor = 1 / ops.sqrt(norm.moving_variance + norm.epsilon)
    if norm.scale:
        factor = norm.gamma * factor
    bias = (conv.bias if conv.use_bias else 0) - norm.moving_mean
    bias = bias * factor + (norm.beta if norm.center else 0)
    kernel = ops.cast(conv.kernel * factor, conv.compute_dtype)
    outputs = conv.convolution_op(ops.cast(inputs, conv.compute_dtype), kernel)
    return outputs + ops.cast(bias, conv.compute_dtype)


def _linear_chain(conv: keras.Operation, graph: _Graph) -> list[keras.layers.Layer]:
    """A convolution and the shuffles and convolutions behind it, as far as `_collapsed` holds."""
    chain, scale, reach = [], 1, 0.0
    layer = conv
    while _is_plain(layer) or (chain and isinstance(layer, PixelShuffle)):
        if isinstance(layer, PixelShuffle):
            scale *= layer.scale
        elif chain:
            reach += layer.kernel_size[0] // 2 / scale
        if reach > 1:
            break
        chain.append(layer)
        layer = graph.only_reader(layer)
    while chain and isinstance(chain[-1], PixelShuffle):
        chain.pop()
    return chain if any(isinstance(layer, PixelShuffle) for layer in chain) else []


def _saves_work(chain: list[keras.layers.Layer]) -> bool:
    """Whether the one convolution has fewer products for each pixel than the chain's, which may pass a bottleneck."""
    products, scale = 0, 1
    for layer in chain:
        if isinstance(layer, PixelShuffle):
            scale *= layer.scale
        else:
            products += math.prod(layer.kernel.shape) * scale**2
    kernel, _ = _kernel_of(chain)
    return math.prod(kernel.shape) < products


def _is_plain(layer: keras.Operation | None) -> bool:
    """Whether it is a convolution that keeps the size, with an odd square kernel and nothing behind it."""
    return (
        _is_linear(layer)
        and layer.kernel_size[0] == layer.kernel_size[1]
        and layer.kernel_size[0] % 2 == 1
        and (layer.padding, layer.strides, layer.dilation_rate, layer.groups) == ("same", (1, 1), (1, 1), 1)
    )


def _collapsed(chain: list[keras.layers.Layer], inputs):
    """A chain as one convolution and the shuffles.

    It is computed in the precision of the chain's last layer. Within a pixel of the image's border it would differ:
    there, each convolution of the chain sees zeros beyond the border, where the single one sees what those before it
    make of them. The outermost pixels therefore come from the chain itself.
    """

    def by_the_chain(x):
        return functools.reduce(lambda x, layer: layer(x), chain, x)

    def by_one_convolution(x):
        kernel, bias = _kernel_of(chain)
        x = ops.cast(x, chain[-1].compute_dtype)
        y = ops.conv(x, ops.cast(kernel, x.dtype), padding="same") + ops.cast(bias, x.dtype)
        for layer in chain:
            if isinstance(layer, PixelShuffle):
                y = PixelShuffle(layer.scale, dtype=chain[-1].dtype_policy)(y)
        seen = 1 + kernel.shape[0] // 2  # what the outermost pixels depend on
        top, bottom = by_the_chain(x[:, :seen])[:, :scale], by_the_chain(x[:, -seen:])[:, -scale:]
        left, right = by_the_chain(x[:, :, :seen])[:, :, :scale], by_the_chain(x[:, :, -seen:])[:, :, -scale:]
        middle = [left[:, scale:-scale], y[:, scale:-scale, scale:-scale], right[:, scale:-scale]]
        return ops.concatenate([top, ops.concatenate(middle, axis=2), bottom], axis=1)

    scale = math.prod(layer.scale for layer in chain if isinstance(layer, PixelShuffle))
    height, width = ops.shape(inputs)[1:3]
    if isinstance(height, int) and isinstance(width, int):
        return by_the_chain(inputs) if min(height, width) < _SMALL_PX else by_one_convolution(inputs)
    is_small = ops.minimum(height, width) < _SMALL_PX
    return ops.cond(is_small, lambda: by_the_chain(inputs), lambda: by_one_convolution(inputs))


def _kernel_of(chain: list[keras.layers.Layer]):
    """Kernel and bias of the one convolution that does a chain's work before all of its shuffles."""
    kernel = bias = None
    for layer in reversed(chain):
        if isinstance(layer, PixelShuffle):
            kernel = before_shuffle(kernel, layer.scale)
            bias = ops.tile(bias, (layer.scale**2,))
            continue
        own_bias = layer.bias if layer.use_bias else ops.zeros(layer.filters)
        if kernel is None:
            kernel, bias = ops.convert_to_tensor(layer.kernel), ops.convert_to_tensor(own_bias)
        else:
            bias = bias + ops.einsum("hwio,i->o", kernel, own_bias)
            kernel = _one_after_the_other(layer.kernel, kernel)
    return kernel, bias


def _one_after_the_other(first, second):
    """The kernel of two convolutions, one after the other: their convolution."""
    pad = second.shape[0] - 1
    rows_of_first = ops.pad(ops.transpose(first, (2, 0, 1, 3)), [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    kernel = ops.conv(rows_of_first, ops.flip(second, axis=(0, 1)), padding="valid")
    return ops.transpose(kernel, (1, 2, 0, 3))
