"""Keras layers that super-resolution needs and Keras lacks; those around pixel shuffles are in `subpixel`.

They use `keras.ops` only, so that any backend runs them.
"""

import importlib

import keras
from keras import ops

from srkit.image import interpolation_taps


def enlarged_shape(shape: tuple, scale: int, channels: int) -> tuple:
    """The shape of images `scale` times as high and wide, whose sides may not be known."""
    sides = (None if side is None else side * scale for side in shape[1:3])
    return (shape[0], *sides, channels)


@keras.saving.register_keras_serializable("srkit")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm over the last axis, trained with TensorFlow's fused kernel where that is the backend.

    It computes the same function in a third of the time. On several devices the statistics are those of the global
    batch, so that a training does not depend on how many devices share its batches.
    """

    def call(self, inputs, training=None, mask=None):
        if not (training and self.trainable) or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        tf = importlib.import_module("tensorflow")
        replica = tf.distribute.get_replica_context()
        self.synchronized = replica is not None and replica.num_replicas_in_sync > 1
        if self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs, scale=self.gamma, offset=self.beta, mean=[], variance=[], epsilon=self.epsilon, is_training=True
        )
        count = ops.cast(ops.size(inputs) // inputs.shape[-1], variance.dtype)
        variance *= (count - 1) / count  # the kernel's is the unbiased estimate, Keras' is not
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs


@ops.custom_gradient
def _leaky(inputs, slopes):
    """The inputs where they are positive, their products with the slopes elsewhere.

    TensorFlow's own gradient of `where` has a scalar zero for a branch. Its optimizer of layouts, on GPUs, cannot
    transpose that, says "layout failed: Size of values 0 does not match size of permutation 4", and leaves the whole
    graph as it is. This gradient equals it, and has none.
    """
    is_positive = inputs > 0

    def gradient(*arguments, upstream=None):  # backends differ in how they hand it over
        upstream = arguments[0] if upstream is None else upstream
        shared = [0, *(axis for axis, length in enumerate(slopes.shape, start=1) if length == 1)]
        of_slopes = ops.sum(upstream * ops.minimum(inputs, 0), axis=shared)
        return ops.where(is_positive, upstream, slopes * upstream), ops.reshape(of_slopes, slopes.shape)

    return ops.where(is_positive, inputs, slopes * inputs), gradient


@keras.saving.register_keras_serializable("srkit")
class PReLU(keras.layers.PReLU):
    """Keras' PReLU shared over space, evaluated in three passes over its features instead of five.

    Input and output shape: `(batch, height, width, channels)`.
    """

    def __init__(self, shared_axes=(1, 2), **kwargs):
        super().__init__(shared_axes=shared_axes, **kwargs)

    def call(self, inputs):
        return _leaky(inputs, self.slopes(inputs))

    def slopes(self, inputs):
        """What negative inputs are multiplied by, in a shape that broadcasts to theirs."""
        return ops.cast(self.alpha, inputs.dtype)


class _Interpolation(keras.layers.Layer):
    """Interpolation with symmetric borders, as `srkit.image.interpolate`, but not rounded.

    It computes in float32 whatever its policy says: networks add to what it gives, and bfloat16 has too few digits
    for pixels.

    Args:
        scale: The factor by which the output is higher and wider.

    Attributes:
        kernel: The interpolation's name.
        radius_px: How far it looks, in pixels of its input.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, height * scale, width * scale, channels)`.
    """

    kernel: str
    radius_px: int

    def __init__(self, scale: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.scale = scale

    def call(self, inputs):
        x = self._upscale_rows(ops.cast(inputs, "float32"))
        x = self._upscale_rows(ops.swapaxes(x, 1, 2))
        return ops.swapaxes(x, 1, 2)

    def _upscale_rows(self, x):
        batch, height, width, channels = ops.shape(x)
        # From one period on: of negative numbers, runtimes that exported models meet have other remainders.
        rows = ops.arange(2 * height - self.radius_px, 3 * height + self.radius_px) % (2 * height)
        # Mirrored, with the edge row repeated: before row 0 come 0 and 1, and in an image of one row it is always 0.
        padded = ops.take(x, ops.minimum(rows, 2 * height - 1 - rows), axis=1)
        phases = [
            sum(float(tap) * padded[:, row : row + height] for row, tap in enumerate(taps) if tap)
            for taps, _ in interpolation_taps(self.scale, self.kernel)
        ]
        return ops.reshape(ops.stack(phases, axis=2), (batch, height * self.scale, width, channels))

    def compute_output_shape(self, input_shape):
        return enlarged_shape(input_shape, self.scale, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("srkit")
class BicubicUpsampling(_Interpolation):
    """Bicubic interpolation (Keys, a = -0.5) with symmetric borders, in float32: see `_Interpolation`."""

    kernel, radius_px = "bicubic", 2


@keras.saving.register_keras_serializable("srkit")
class BilinearUpsampling(_Interpolation):
    """Bilinear interpolation with symmetric borders, in float32: see `_Interpolation`."""

    kernel, radius_px = "bilinear", 1


@keras.saving.register_keras_serializable("srkit")
class WideConv2D(keras.layers.Layer):
    """A 3x3 convolution that is trained in a wider form: a 1x1, a 3x3 and a 1x1 convolution, beside another 1x1 one.

    Between the four there is no activation, so that they are one 3x3 convolution (SPAN, Wan et al. 2024; Ding et al.
    2021, "RepVGG", section 3.2). It alone is computed, in training, too: its kernel is made of theirs each time, in
    float32. At the border the 1x1 convolution is taken to see zeros, and to add its bias, outside of the image as well.

    Args:
        filters: Number of channels of the output.
        expansion: How many times as many channels the 3x3 convolution has.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, height, width, filters)`.
    """

    def __init__(self, filters: int, expansion: int = 2, **kwargs):
        super().__init__(autocast=False, **kwargs)  # the kernels are multiplied in float32
        self.filters = filters
        self.expansion = expansion

    def build(self, input_shape):
        channels, filters = input_shape[-1], self.filters
        wide, wide_filters = channels * self.expansion, filters * self.expansion
        self._expand = self._add_convolution("expand", 1, channels, wide)
        self._middle = self._add_convolution("middle", 3, wide, wide_filters)
        self._project = self._add_convolution("project", 1, wide_filters, filters)
        self._skip = self._add_convolution("skip", 1, channels, filters)

    def _add_convolution(self, name: str, size: int, channels: int, filters: int):
        kernel = self.add_weight(name=f"{name}_kernel", shape=(size, size, channels, filters))
        return kernel, self.add_weight(name=f"{name}_bias", shape=(filters,), initializer="zeros")

    def merged(self):
        """Kernel `(3, 3, channels, filters)` and bias of the one convolution."""
        (expand, expand_bias), (middle, middle_bias) = self._expand, self._middle
        (project, project_bias), (skip, skip_bias) = self._project, self._skip
        kernel = ops.einsum("ia,hwab->hwib", expand[0, 0], middle)
        kernel = ops.einsum("hwib,bo->hwio", kernel, project[0, 0]) + ops.pad(skip, [(1, 1), (1, 1), (0, 0), (0, 0)])
        bias = ops.einsum("a,hwab->b", expand_bias, middle) + middle_bias
        return kernel, ops.einsum("b,bo->o", bias, project[0, 0]) + project_bias + skip_bias

    def call(self, inputs):
        kernel, bias = (ops.cast(x, self.compute_dtype) for x in self.merged())
        return ops.conv(ops.cast(inputs, self.compute_dtype), kernel, padding="same") + bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "expansion": self.expansion}


@keras.saving.register_keras_serializable("srkit")
class Luma(keras.layers.Layer):
    """The luma Y of BT.601, from 16 to 235, as MATLAB's `rgb2ycbcr` has it. It computes in float32.

    Input shape: `(batch, height, width, 3)`, RGB in [0, 255].
    Output shape: `(batch, height, width, 1)`.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs):
        weighted = ops.cast(inputs, "float32") * ops.array([65.481, 128.553, 24.966], "float32")
        return 16 + ops.sum(weighted, axis=-1, keepdims=True) / 255

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable("srkit")
class FullRangeLuma(keras.layers.Layer):
    """The luma of RGB images (ITU-R BT.601), in the range of their values.

    Input shape: `(batch, height, width, 3)`.
    Output shape: `(batch, height, width, 1)`.
    """

    def call(self, inputs):
        return 0.299 * inputs[..., :1] + 0.587 * inputs[..., 1:2] + 0.114 * inputs[..., 2:]

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable("srkit")
class WeightedAverage(keras.layers.Layer):
    """The average of its inputs with weights that are learned: positive, and one in sum (a softmax).

    Input shape: a list of equal shapes.
    Output shape: that shape.
    """

    def build(self, input_shape):
        self.logits = self.add_weight(name="logits", shape=(len(input_shape),), initializer="zeros")

    def call(self, inputs):
        weights = ops.softmax(ops.cast(self.logits, self.compute_dtype))
        return sum(weights[index] * x for index, x in enumerate(inputs))

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@keras.saving.register_keras_serializable("srkit")
class Dirac(keras.initializers.Initializer):
    """Initialises a convolution as the identity: each channel's own pixel counts, and nothing else."""

    def __call__(self, shape, dtype=None, **kwargs):
        height, width, channels, filters = shape
        above, before = height // 2, width // 2
        around = [(above, height - 1 - above), (before, width - 1 - before), (0, 0), (0, 0)]
        return ops.pad(ops.eye(channels, filters, dtype=dtype)[None, None], around)
