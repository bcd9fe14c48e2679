"""MSRResNet, the modified SRResNet from which ESRGAN's authors start (BasicSR)."""

import keras
from keras import layers

from srkit.models.builders import rebuildable, small_start, upsampling_steps
from srkit.models.layers import BilinearUpsampling
from srkit.models.subpixel import ICNR, PixelShuffle

_SLOPE = 0.1


@rebuildable
def msrresnet(scale: int = 4, filters: int = 64, num_blocks: int = 16) -> keras.Model:
    """Builds MSRResNet: SRResNet without batch norm, which finds what the bilinearly upscaled image lacks.

    Between the blocks and the upsampler there is neither a convolution nor a sum. Leaky ReLUs have a slope of 0.1. The
    defaults are BasicSR's: 1,517,571 parameters at x4.

    ```python
    model = msrresnet(scale=4)
    ```

    Args:
        scale: 2, 3, 4 or 8.
        filters: Number of channels between the convolutions.
        num_blocks: Number of residual blocks.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale.
    """
    steps = upsampling_steps(scale)
    lr = keras.Input((None, None, 3), name="lr")
    normalized = layers.Rescaling(1 / 255, name="normalize")(lr)
    x = _leaky_convolution(normalized, filters, small_start(), "head")
    for number in range(1, num_blocks + 1):
        x = _residual_block(x, filters, f"block{number}")
    for number, step in enumerate(steps, start=1):
        # The leaky ReLU looks at single values: before the shuffle it does what it does behind it.
        x = _leaky_convolution(x, filters * step**2, ICNR(step, small_start()), f"upsample{number}")
        x = PixelShuffle(step, name=f"upsample{number}_shuffle")(x)
    x = _leaky_convolution(x, filters, small_start(), "hr")
    x = _convolution(3, small_start(), "tail_conv", dtype="float32")(x)
    bilinear = BilinearUpsampling(scale, dtype="float32", name="bilinear")(normalized)
    x = layers.Add(dtype="float32", name="bilinear_add")([bilinear, x])
    sr = layers.Rescaling(255.0, dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="msrresnet")


def _residual_block(inputs, filters: int, name: str):
    x = _convolution(filters, small_start(), f"{name}_conv1", activation="relu")(inputs)
    x = _convolution(filters, small_start(), f"{name}_conv2")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _leaky_convolution(x, filters: int, start: keras.initializers.Initializer, name: str):
    x = _convolution(filters, start, f"{name}_conv")(x)
    return layers.LeakyReLU(negative_slope=_SLOPE, name=f"{name}_leaky_relu")(x)


def _convolution(filters: int, start: keras.initializers.Initializer, name: str, **settings) -> layers.Layer:
    return layers.Conv2D(filters, 3, padding="same", kernel_initializer=start, name=name, **settings)
