"""RRDBNet, the generator of ESRGAN (Wang et al. 2018, section 3.1 and figure 4)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import rebuildable, small_start, upsampling_steps
from srkit.models.subpixel import PixelUnshuffle, WithoutPadding

_RESIDUAL_SCALING = 0.2


@rebuildable
def rrdb(
    scale: int = 4, filters: int = 64, num_blocks: int = 23, growth_filters: int = 32, unshuffle: int = 1
) -> keras.Model:
    """Builds RRDBNet: dense blocks within residual blocks, without batch norm.

    The defaults are the paper's: 16,697,987 parameters at x4 (16.7 M). All leaky ReLUs have a slope of 0.2.

    ```python
    generator = rrdb(scale=4, num_blocks=6)
    real_esrgan_x2plus = rrdb(scale=2, unshuffle=2)
    ```

    Args:
        scale: 1, 2, 3, 4 or 8. The paper has x4: twice nearest resize by 2, then convolution. The others are built
            alike; x1 keeps the size.
        filters: Number of channels between the blocks.
        num_blocks: Number of residual-in-residual dense blocks, each of three dense blocks.
        growth_filters: Number of channels that each convolution of a dense block adds.
        unshuffle: The network's input is the image with its sides divided by this and its pixels in the channels; it
            upsamples as much more. Real-ESRGAN has x2 with 2, and x1 with 4: a quarter of the work, and the weights of
            x4 nearly fit.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale, or none that is `unshuffle` times as large.
    """
    check_choice("scale", scale, (1, *SCALES))
    check_choice("scale times unshuffle", scale * unshuffle, (1, *SCALES))
    steps = upsampling_steps(scale * unshuffle) if scale * unshuffle > 1 else []
    lr = keras.Input((None, None, 3), name="lr")
    x = layers.Rescaling(1 / 255, name="normalize")(lr)
    if unshuffle > 1:
        x = PixelUnshuffle(unshuffle, name="unshuffle")(x)
    x = head = layers.Conv2D(filters, 3, padding="same", name="head_conv")(x)
    for number in range(1, num_blocks + 1):
        x = _residual_in_residual(x, filters, growth_filters, f"block{number}")
    x = layers.Conv2D(filters, 3, padding="same", name="body_conv")(x)
    x = layers.Add(name="body_add")([head, x])
    for number, step in enumerate(steps, start=1):
        x = layers.UpSampling2D(step, interpolation="nearest", name=f"upsample{number}")(x)
        x = layers.Conv2D(filters, 3, padding="same", activation="leaky_relu", name=f"upsample{number}_conv")(x)
    x = layers.Conv2D(filters, 3, padding="same", activation="leaky_relu", name="hr_conv")(x)
    x = layers.Conv2D(3, 3, padding="same", dtype="float32", name="tail_conv")(x)
    if unshuffle > 1:
        x = WithoutPadding(scale, dtype="float32", name="without_padding")([x, lr])
    sr = layers.Rescaling(255.0, dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="rrdb")


def _residual_in_residual(inputs, filters: int, growth_filters: int, name: str):
    x = inputs
    for number in range(1, 4):
        x = _dense_block(x, filters, growth_filters, f"{name}_dense{number}")
    x = layers.Rescaling(_RESIDUAL_SCALING, name=f"{name}_scaling")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _dense_block(inputs, filters: int, growth_filters: int, name: str):
    x = inputs
    for number in range(1, 5):
        grown = _small_convolution(growth_filters, "leaky_relu", f"{name}_conv{number}")(x)
        x = layers.Concatenate(name=f"{name}_concat{number}")([x, grown])
    x = _small_convolution(filters, None, f"{name}_conv5")(x)
    x = layers.Rescaling(_RESIDUAL_SCALING, name=f"{name}_scaling")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _small_convolution(filters: int, activation: str | None, name: str) -> layers.Layer:
    return layers.Conv2D(filters, 3, padding="same", activation=activation, kernel_initializer=small_start(), name=name)
