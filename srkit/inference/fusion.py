"""Layers fused for inference: batch norm into convolutions, and linear chains into a single convolution."""

import collections
import functools
import math

import keras
from keras import layers, ops

from srkit.models.graph import Graph
from srkit.models.subpixel import PixelShuffle, before_shuffle

_SMALL_PX = 16  # smaller images are mostly border


def fused_layers(graph: Graph) -> dict[keras.Operation, layers.Layer]:
    """What to compute in place of some of a model's layers, for the same result with less work.

    - A batch norm behind a convolution becomes part of it.
    - Convolutions with nothing but pixel shuffles between them, such as all that is behind EDSR's body, become one
      convolution before the shuffles: at x4 with a tenth of the products.

    Weights are read when the new layers are called or traced, so that they are those of the moment.

    Args:
        graph: The model's calls.

    Returns:
        For each layer that is replaced the new one: of several that become one, the first does their work, and the
        others pass it on.
    """
    readers = _Readers(graph)
    fused = _fused_norms(readers)
    for conv in readers.operations:
        chain = _linear_chain(conv, readers)
        if chain and not any(layer in fused for layer in chain) and _saves_work(chain):
            fused |= {layer: layers.Identity(autocast=False) for layer in chain} | {conv: _LinearChain(chain)}
    return fused


def fused_norms(graph: Graph) -> dict[keras.Operation, layers.Layer]:
    """The first of `fused_layers`' two kinds alone: the graph has no branches then, and is as simple for any size."""
    return _fused_norms(_Readers(graph))


class _Readers:
    """Who reads what in a model.

    Attributes:
        operations: How often each operation is called, in the model's order.
    """

    def __init__(self, graph: Graph):
        self.operations = collections.Counter(call.operation for call in graph.calls)
        self._outputs = {call.operation: call.outputs[0] for call in graph.calls}
        self._readers = collections.defaultdict(list)
        for call in graph.calls:
            for tensor in call.inputs:
                self._readers[tensor].append(call.operation)
        for tensor in graph.outputs:
            self._readers[tensor].append(None)

    def only_reader(self, operation: keras.Operation) -> keras.Operation | None:
        """The operation that is all that becomes of another's result, if both are called once."""
        readers = self._readers[self._outputs[operation]]
        if len(readers) != 1 or self.operations[operation] > 1 or self.operations[readers[0]] > 1:
            return None
        return readers[0]


def _fused_norms(readers: _Readers) -> dict[keras.Operation, layers.Layer]:
    fused = {}
    for conv in filter(_is_linear, readers.operations):
        norm = readers.only_reader(conv)
        if isinstance(norm, layers.BatchNormalization) and norm.axis in (-1, 3):
            fused |= {conv: _ConvolutionAndNorm(conv, norm), norm: layers.Identity(autocast=False)}
    return fused


def _is_linear(layer: keras.Operation) -> bool:
    return type(layer) is layers.Conv2D and layer.activation is keras.activations.linear


class _ConvolutionAndNorm(layers.Layer):
    """Both in one convolution: the norm's factor goes into the kernel, and what it adds is a bias."""

    def __init__(self, conv: layers.Conv2D, norm: layers.BatchNormalization):
        super().__init__(autocast=False)  # the factor is computed in float32
        self.conv, self.norm = conv, norm

    def call(self, inputs):
        conv, norm = self.conv, self.norm
        factor = 1 / ops.sqrt(norm.moving_variance + norm.epsilon)
        if norm.scale:
            factor = norm.gamma * factor
        bias = (conv.bias if conv.use_bias else 0) - norm.moving_mean
        bias = bias * factor + (norm.beta if norm.center else 0)
        kernel = ops.cast(conv.kernel * factor, conv.compute_dtype)
        outputs = conv.convolution_op(ops.cast(inputs, conv.compute_dtype), kernel)
        return outputs + ops.cast(bias, conv.compute_dtype)

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)


def _linear_chain(conv: keras.Operation, readers: _Readers) -> list[keras.layers.Layer]:
    """A convolution and the shuffles and convolutions behind it, as far as `_LinearChain` holds."""
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
        layer = readers.only_reader(layer)
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


class _LinearChain(layers.Layer):
    """A chain of convolutions and shuffles as one convolution and the shuffles.

    It is computed in the precision of the chain's last layer. Within a pixel of the image's border it would differ:
    there, each convolution of the chain sees zeros beyond the border, where the single one sees what those before it
    make of them. The outermost pixels therefore come from the chain itself.
    """

    def __init__(self, chain: list[layers.Layer]):
        super().__init__(autocast=False)  # the kernels are multiplied in float32
        self.chain = chain
        self.scale = math.prod(layer.scale for layer in chain if isinstance(layer, PixelShuffle))

    def call(self, inputs):
        height, width = ops.shape(inputs)[1:3]
        if isinstance(height, int) and isinstance(width, int):
            return self._by_the_chain(inputs) if min(height, width) < _SMALL_PX else self._by_one_convolution(inputs)
        is_small = ops.minimum(height, width) < _SMALL_PX
        return ops.cond(is_small, lambda: self._by_the_chain(inputs), lambda: self._by_one_convolution(inputs))

    def compute_output_shape(self, input_shape):
        return functools.reduce(lambda shape, layer: layer.compute_output_shape(shape), self.chain, input_shape)

    def _by_the_chain(self, x):
        return functools.reduce(lambda x, layer: layer(x), self.chain, x)

    def _by_one_convolution(self, x):
        kernel, bias = _kernel_of(self.chain)
        x = ops.cast(x, self.chain[-1].compute_dtype)
        y = ops.conv(x, ops.cast(kernel, x.dtype), padding="same") + ops.cast(bias, x.dtype)
        for layer in self.chain:
            if isinstance(layer, PixelShuffle):
                y = PixelShuffle(layer.scale, dtype=self.chain[-1].dtype_policy)(y)
        scale, by_the_chain = self.scale, self._by_the_chain
        seen = 1 + kernel.shape[0] // 2  # what the outermost pixels depend on
        top, bottom = by_the_chain(x[:, :seen])[:, :scale], by_the_chain(x[:, -seen:])[:, -scale:]
        left, right = by_the_chain(x[:, :, :seen])[:, :, :scale], by_the_chain(x[:, :, -seen:])[:, :, -scale:]
        middle = [left[:, scale:-scale], y[:, scale:-scale, scale:-scale], right[:, scale:-scale]]
        return ops.concatenate([top, ops.concatenate(middle, axis=2), bottom], axis=1)


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
    kernel = ops.conv(rows_of_first, ops.flip(ops.flip(second, axis=0), axis=1), padding="valid")
    return ops.transpose(kernel, (1, 2, 0, 3))
