"""Keras layers that super-resolution needs and Keras lacks. `keras.ops` only, so that any backend runs them."""

import importlib

import keras
from keras import ops

from srkit.image import interpolation_taps


def _enlarged(shape: tuple, scale: int, channels: int) -> tuple:
    """The shape of images `scale` times as high and wide, whose sides may not be known."""
    sides = (None if side is None else side * scale for side in shape[1:3])
    return (shape[0], *sides, channels)


@keras.saving.register_keras_serializable("srkit")
class PixelShuffle(keras.layers.Layer):
    """Sub-pixel upsampling (Shi et al. 2016, equation 4): channels become space.

    Input channel `(dy * scale + dx) * channels + c` becomes channel `c` of the pixel at `(dy, dx)` in its block,
    the order of `tf.nn.depth_to_space`.

    Args:
        scale: How many times taller and wider the output is.

    Input shape: `(batch, height, width, channels * scale²)`.
    Output shape: `(batch, height * scale, width * scale, channels)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        batch, height, width, _ = ops.shape(inputs)
        scale, channels = self.scale, inputs.shape[-1] // self.scale**2
        x = ops.reshape(inputs, (batch, height, width, scale, scale, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (batch, height * scale, width * scale, channels))

    def compute_output_shape(self, input_shape):
        return _enlarged(input_shape, self.scale, input_shape[-1] // self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("srkit")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' batch norm over the last axis, trained with TensorFlow's fused kernel where that is the backend.

    The same function, in a third of the time. On several devices the statistics are those of the global batch, so that
    a training does not depend on how many devices share its batches.
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


@keras.saving.register_keras_serializable("srkit")
class PReLU(keras.layers.PReLU):
    """Keras' PReLU shared over space, evaluated in three passes over its features instead of five.

    Input and output shape: `(batch, height, width, channels)`.
    """

    def __init__(self, shared_axes=(1, 2), **kwargs):
        super().__init__(shared_axes=shared_axes, **kwargs)

    def call(self, inputs):
        return ops.where(inputs > 0, inputs, self._slopes(inputs) * inputs)

    def _slopes(self, inputs):
        return ops.cast(self.alpha, inputs.dtype)


@keras.saving.register_keras_serializable("srkit")
class SubPixelPReLU(PReLU):
    """PReLU shared over space, for features whose pixels still lie in the channels (before a `PixelShuffle`).

    It has one slope per channel *after* the shuffle, so that `SubPixelPReLU` then `PixelShuffle` is exactly
    `PixelShuffle` then `PReLU`, with the same weights.

    Args:
        scale: The scale of the shuffle that comes later.

    Input and output shape: `(batch, height, width, channels * scale²)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def build(self, input_shape):
        super().build((*input_shape[:-1], input_shape[-1] // self.scale**2))
        self.input_spec = None

    def _slopes(self, inputs):
        return ops.tile(super()._slopes(inputs), (1, 1, self.scale**2))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def before_shuffle(kernel, scale: int):
    """The kernel that does before a `PixelShuffle(scale)` what `kernel` does behind it.

    Args:
        kernel: `(height, width, channels, filters)`, square, of an odd side.
        scale: The shuffle's.

    Returns:
        A kernel `(side, side, channels * scale², filters * scale²)`. What it makes still has to be shuffled.
    """
    kernel = ops.convert_to_tensor(kernel)
    kernel_size, _, channels, filters = kernel.shape
    radius = kernel_size // 2
    radius_before = -(-radius // scale)
    side = 2 * radius_before + 1
    phases = []
    for dy in range(scale):
        for dx in range(scale):
            # For the output pixel (dy, dx) of a block, the kernel starts `radius` px above and left of it.
            top, left = (scale * radius_before - radius + d for d in (dy, dx))
            pads = [(start, side * scale - kernel_size - start) for start in (top, left)]
            phases.append(ops.pad(kernel, [*pads, (0, 0), (0, 0)]))
    x = ops.stack(phases, axis=-2)  # (side * scale, side * scale, channels, scale², filters)
    x = ops.reshape(x, (side, scale, side, scale, channels, scale**2 * filters))
    x = ops.transpose(x, (0, 2, 1, 3, 4, 5))
    return ops.reshape(x, (side, side, scale**2 * channels, scale**2 * filters))


@keras.saving.register_keras_serializable("srkit")
class SubPixelConv2D(keras.layers.Layer):
    """`PixelShuffle(scale)` then `Conv2D(filters, kernel_size, padding="same")`, evaluated before the shuffle.

    A convolution of a shuffled image is a convolution with a smaller kernel of the unshuffled one: the same weights,
    scattered. With SRResNet's 9x9 tail it becomes 5x5 from 256 to 12 channels, which processors run three times
    as fast as 9x9 from 64 to 3 at twice the height and width. Weights have the shapes of `Conv2D`.

    A float32 layer behind bfloat16 ones convolves in float32, since its output is pixels; the gradients that flow
    through its convolution have the precision of its input.

    Args:
        filters: Channels of the output.
        kernel_size: Side of the square kernel in pixels after the shuffle; odd.
        scale: The scale of the shuffle.
        activation: As in `Conv2D`.

    Input shape: `(batch, height, width, channels * scale²)`.
    Output shape: `(batch, height * scale, width * scale, filters)`.
    """

    def __init__(self, filters: int, kernel_size: int, scale: int, activation=None, **kwargs):
        super().__init__(autocast=False, **kwargs)  # the input's own precision is needed in `_convolve`
        self.filters = filters
        self.kernel_size = kernel_size
        self.scale = scale
        self.activation = keras.activations.get(activation)
        self._shuffle = PixelShuffle(scale, dtype=self.dtype_policy)

    def build(self, input_shape):
        channels = input_shape[-1] // self.scale**2
        shape = (self.kernel_size, self.kernel_size, channels, self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def call(self, inputs, training=None):
        x = self._convolve(inputs, before_shuffle(self.kernel, self.scale), training)
        return self.activation(self._shuffle(x) + self.bias)

    def _convolve(self, inputs, kernel, training):
        x = ops.cast(inputs, self.compute_dtype)
        kernel = ops.cast(kernel, self.compute_dtype)
        if not training or x.dtype == inputs.dtype:
            return ops.conv(x, kernel, padding="same")
        exact = ops.conv(ops.stop_gradient(x), ops.stop_gradient(kernel), padding="same")
        fast = ops.conv(inputs, ops.cast(kernel, inputs.dtype), padding="same")
        return exact + ops.cast(fast - ops.stop_gradient(fast), exact.dtype)  # adds nothing but the gradients

    @property
    def radius_px(self) -> int:
        """How far the kernel reaches, in pixels before the shuffle."""
        return -(-(self.kernel_size // 2) // self.scale)

    def compute_output_shape(self, input_shape):
        return self._shuffle.compute_output_shape((*input_shape[:-1], self.filters * self.scale**2))

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "scale": self.scale,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable("srkit")
class BicubicUpsampling(keras.layers.Layer):
    """Bicubic interpolation (Keys, a = -0.5, symmetric borders), as `srkit.image.interpolate`, but not rounded.

    It computes in float32 whatever its policy says: networks add to what it gives, and bfloat16 has too few digits
    for pixels.

    Args:
        scale: How many times taller and wider the output is.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, height * scale, width * scale, channels)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(autocast=False, **kwargs)
        self.scale = scale

    def call(self, inputs):
        x = self._upscale_rows(ops.cast(inputs, "float32"))
        x = self._upscale_rows(ops.swapaxes(x, 1, 2))
        return ops.swapaxes(x, 1, 2)

    def _upscale_rows(self, x):
        batch, height, width, channels = ops.shape(x)
        rows = ops.arange(-2, height + 2) % (2 * height)
        # Mirrored, with the edge row repeated: before row 0 come 0 and 1, and in an image of one row it is always 0.
        padded = ops.take(x, ops.minimum(rows, 2 * height - 1 - rows), axis=1)
        phases = [
            sum(float(tap) * padded[:, row : row + height] for row, tap in enumerate(taps) if tap)
            for taps, _ in interpolation_taps(self.scale)
        ]
        return ops.reshape(ops.stack(phases, axis=2), (batch, height * self.scale, width, channels))

    def compute_output_shape(self, input_shape):
        return _enlarged(input_shape, self.scale, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


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
class ICNR(keras.initializers.Initializer):
    """Initialises a convolution before a `PixelShuffle` so that a block's pixels start equal: no checkerboard.

    Aitken et al. 2017, section 3: "initialisation to convolution, nearest neighbour resize".

    Args:
        scale: The scale of the shuffle.
        initializer: What initialises the pixels that are repeated.
    """

    def __init__(self, scale: int, initializer="glorot_uniform"):
        self.scale = scale
        self.initializer = keras.initializers.get(initializer)

    def __call__(self, shape, dtype=None, **kwargs):
        *spatial_and_input, filters = shape
        kernel = self.initializer((*spatial_and_input, filters // self.scale**2), dtype=dtype)
        return ops.tile(kernel, (1, 1, 1, self.scale**2))

    def get_config(self):
        return {"scale": self.scale, "initializer": keras.initializers.serialize(self.initializer)}


@keras.saving.register_keras_serializable("srkit")
class Dirac(keras.initializers.Initializer):
    """Initialises a convolution as the identity: each channel's own pixel counts, and nothing else."""

    def __call__(self, shape, dtype=None, **kwargs):
        height, width, channels, filters = shape
        above, before = height // 2, width // 2
        around = [(above, height - 1 - above), (before, width - 1 - before), (0, 0), (0, 0)]
        return ops.pad(ops.eye(channels, filters, dtype=dtype)[None, None], around)
