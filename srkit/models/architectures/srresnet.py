"""SRResNet, the generator of SRGAN (Ledig et al. 2017, section 2.1.1 and figure 4)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.models.builders import rebuildable, upsampling_steps
from srkit.models.layers import BatchNormalization, PReLU
from srkit.models.subpixel import ICNR, PixelShuffle, SubPixelConv2D, SubPixelPReLU


@rebuildable
def srresnet(
    scale: int = 4,
    filters: int = 64,
    num_blocks: int = 16,
    upsampling: str = "subpixel",
    tail_activation: str = "tanh",
) -> keras.Model:
    """Builds SRResNet: residual blocks with batch norm and PReLU, 9x9 head and tail, tanh output.

    With the defaults it has 1,554,883 parameters and the same layers as the Keras SRGAN proof of concept, whose `.h5`
    files therefore load. Its last pixel shuffle and 9x9 convolution are evaluated as one (see `SubPixelConv2D`). Each
    block begins as the identity, since the scale of its last batch norm starts at 0 (Goyal et al. 2017, section 5.1):
    colours are learned sooner.

    ```python
    generator = srresnet(scale=4)
    ```

    Args:
        scale: 2, 3, 4 or 8.
        filters: Number of channels of the residual body.
        num_blocks: Number of residual blocks.
        upsampling: `"subpixel"` is sub-pixel convolution, as published, initialised by ICNR. `"resize"` is nearest
            resize, then convolution.
        tail_activation: `"tanh"` keeps the result in the range of pixels. `"linear"` is for weights that were trained
            without it.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale, upsampling or activation.
    """
    check_choice("upsampling", upsampling, ("subpixel", "resize"))
    check_choice("tail_activation", tail_activation, ("tanh", "linear"))
    steps = upsampling_steps(scale)
    lr = keras.Input((None, None, 3), name="lr")
    x = layers.Rescaling(1 / 255, name="normalize")(lr)
    x = layers.Conv2D(filters, 9, padding="same", name="head_conv")(x)
    x = head = PReLU(name="head_prelu")(x)
    for number in range(1, num_blocks + 1):
        x = _residual_block(x, filters, f"block{number}")
    x = layers.Conv2D(filters, 3, padding="same", name="body_conv")(x)
    x = BatchNormalization(gamma_initializer="zeros", name="body_bn")(x)
    x = layers.Add(name="body_add")([head, x])
    upsample = _resize if upsampling == "resize" else _subpixel
    x = upsample(x, filters, steps, tail_activation)
    sr = layers.Rescaling(127.5, offset=127.5, dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="srresnet")


def _residual_block(inputs, filters: int, name: str):
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv1")(inputs)
    x = BatchNormalization(momentum=0.8, name=f"{name}_bn1")(x)
    x = PReLU(name=f"{name}_prelu")(x)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(x)
    x = BatchNormalization(momentum=0.8, gamma_initializer="zeros", name=f"{name}_bn2")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _subpixel(x, filters: int, steps: list[int], activation: str):
    *first_steps, last = steps
    for number, step in enumerate(first_steps, start=1):
        x = _expand(x, filters, step, f"upsample{number}")
        x = PixelShuffle(step, name=f"upsample{number}_shuffle")(x)
        x = PReLU(name=f"upsample{number}_prelu")(x)
    x = _expand(x, filters, last, f"upsample{len(steps)}")
    x = SubPixelPReLU(last, name=f"upsample{len(steps)}_prelu")(x)
    return SubPixelConv2D(3, 9, last, activation=activation, dtype="float32", name="tail_conv")(x)


def _expand(x, filters: int, step: int, name: str):
    return layers.Conv2D(filters * step**2, 3, padding="same", kernel_initializer=ICNR(step), name=f"{name}_conv")(x)


def _resize(x, filters: int, steps: list[int], activation: str):
    for number, step in enumerate(steps, start=1):
        x = layers.UpSampling2D(step, interpolation="nearest", name=f"upsample{number}")(x)
        x = layers.Conv2D(filters, 3, padding="same", name=f"upsample{number}_conv")(x)
        x = PReLU(name=f"upsample{number}_prelu")(x)
    return layers.Conv2D(3, 9, padding="same", activation=activation, dtype="float32", name="tail_conv")(x)
