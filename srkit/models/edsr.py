"""EDSR (Lim et al. 2017, section 3.2 and figure 3)."""

import keras
from keras import layers

from srkit.layers import ICNR, PixelShuffle
from srkit.models.common import check_choice, rebuildable, upsampling_steps

DIV2K_MEAN_RGB = (114.444, 111.4605, 103.02)  # 255 * (0.4488, 0.4371, 0.4040), the paper's training set


@rebuildable
def edsr(
    scale: int = 4,
    filters: int = 64,
    num_blocks: int = 16,
    residual_scaling: float = 1.0,
    upsampling: str = "subpixel",
) -> keras.Model:
    """Builds EDSR: SRResNet without batch norm, trained with L1.

    The defaults are the paper's baseline (1,517,571 parameters at x4 is what this topology gives; 1.5 M in the
    paper). The full model is `edsr(scale, filters=256, num_blocks=32, residual_scaling=0.1)`: 43 M.

    Args:
        scale: 2, 3, 4 or 8.
        filters: Channels throughout.
        num_blocks: Residual blocks.
        residual_scaling: Factor of each block's residual; 0.1 keeps wide models stable.
        upsampling: `"subpixel"` convolution, as published, initialised by ICNR; or `"resize"`: nearest resize, then
            convolution.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: A scale or an upsampling that does not exist.
    """
    check_choice("upsampling", upsampling, ("subpixel", "resize"))
    steps = upsampling_steps(scale)
    mean = [-value / 127.5 for value in DIV2K_MEAN_RGB]
    lr = keras.Input((None, None, 3), name="lr")
    x = layers.Rescaling(1 / 127.5, offset=mean)(lr)
    x = head = layers.Conv2D(filters, 3, padding="same")(x)
    for _ in range(num_blocks):
        x = _residual_block(x, filters, residual_scaling)
    x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.Add()([head, x])
    for step in steps:
        if upsampling == "resize":
            x = layers.UpSampling2D(step, interpolation="nearest")(x)
            x = layers.Conv2D(filters, 3, padding="same")(x)
        else:
            x = layers.Conv2D(filters * step**2, 3, padding="same", kernel_initializer=ICNR(step))(x)
            x = PixelShuffle(step)(x)
    x = layers.Conv2D(3, 3, padding="same", dtype="float32")(x)
    sr = layers.Rescaling(127.5, offset=list(DIV2K_MEAN_RGB), dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="edsr")


def _residual_block(inputs, filters: int, residual_scaling: float):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(filters, 3, padding="same")(x)
    if residual_scaling != 1:
        x = layers.Rescaling(residual_scaling)(x)
    return layers.Add()([inputs, x])
