"""Upsampling by pixel shuffle (Shi et al. 2016): shuffle and inverse, what is computed before it, how it starts.

The layers use `keras.ops` only, so that any backend runs them.
"""

import keras
from keras import ops

from srkit.models.layers import PReLU, enlarged_shape


@keras.saving.register_keras_serializable("srkit")
class PixelShuffle(keras.layers.Layer):
    """Sub-pixel upsampling (Shi et al. 2016, equation 4): channels become space.

    Input channel `(dy * scale + dx) * channels + c` becomes channel `c` of the pixel at `(dy, dx)` in its block,
    the order of `tf.nn.depth_to_space`.

    Args:
        scale: The factor by which the output is higher and wider.

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
        return enlarged_shape(input_shape, self.scale, input_shape[-1] // self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("srkit")
class PixelUnshuffle(keras.layers.Layer):
    """The inverse of `PixelShuffle`: space becomes channels. Sides that are no multiple are continued, mirrored.

    What lies in which channel depends on where in the image a pixel is: of an image that is cut, parts that start at
    multiples of the scale are what they are in the whole.

    Args:
        scale: The factor by which the output is smaller.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, ⌈height / scale⌉, ⌈width / scale⌉, channels * scale²)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        x, scale, channels = self._continued(self._continued(inputs, 1), 2), self.scale, inputs.shape[-1]
        batch, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (batch, height // scale, scale, width // scale, scale, channels))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        return ops.reshape(x, (batch, height // scale, width // scale, channels * scale**2))

    def _continued(self, x, axis: int):
        length = ops.shape(x)[axis]
        places = ops.arange(-(-length // self.scale) * self.scale)
        # Mirrored without the edge pixel itself; where there is nothing to mirror, the first pixel is repeated.
        return ops.take(x, ops.minimum(places, ops.maximum(2 * length - 2 - places, 0)), axis=axis)

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = (None if side is None else -(-side // self.scale) for side in sides)
        return (batch, *sides, channels * self.scale**2)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("srkit")
class WithoutPadding(keras.layers.Layer):
    """Cuts a result to the size that belongs to an image: what `PixelUnshuffle` added below and on the right goes.

    Args:
        scale: The size of the output over that of the image.

    Input shape: a list of the result and the image, each `(batch, height, width, channels)`.
    Output shape: `(batch, image's height * scale, image's width * scale, result's channels)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs):
        result, image = inputs
        height, width = ops.shape(image)[1:3]
        return result[:, : height * self.scale, : width * self.scale]

    def compute_output_shape(self, input_shape):
        result, image = input_shape
        return enlarged_shape(image, self.scale, result[-1])

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


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

    def slopes(self, inputs):
        return ops.tile(super().slopes(inputs), (1, 1, self.scale**2))

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


def before_shuffle(kernel, scale: int):
    """The kernel that does before a `PixelShuffle(scale)` what `kernel` does behind it.

    Args:
        kernel: Array of shape `(height, width, channels, filters)`, square, with an odd side.
        scale: The scale of the shuffle.

    Returns:
        Array of shape `(side, side, channels * scale², filters * scale²)`. What this kernel makes still has to be
        shuffled.
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
        filters: Number of channels of the output.
        kernel_size: Side of the square kernel in pixels after the shuffle: an odd number.
        scale: The scale of the shuffle.
        activation: The activation, as in `Conv2D`.

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
class ICNR(keras.initializers.Initializer):
    """Initialises a convolution before a `PixelShuffle` so that a block's pixels start equal: no checkerboard.

    Aitken et al. 2017, section 3: "initialisation to convolution, nearest neighbour resize".

    Args:
        scale: The scale of the shuffle.
        initializer: The initializer of the pixels that are repeated.
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
