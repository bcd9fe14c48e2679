"""EDSR (Lim et al. 2017, section 3.2 and figure 3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.models.builders import rebuildable, subpixel_upsample, upsampling_steps

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

    The defaults are the paper's baseline: 1,517,571 parameters at x4 (1.5 M in the paper). The full model has 43 M.

    ```python
    baseline = edsr(scale=4)
    small = edsr(scale=4, filters=32, num_blocks=8)
    ```

    Args:
        scale: 2, 3, 4 or 8.
        filters: Number of channels between the convolutions.
        num_blocks: Number of residual blocks.
        residual_scaling: The factor of each block's residual. 0.1 keeps wide models stable.
        upsampling: `"subpixel"` is sub-pixel convolution, as published, initialised by ICNR. `"resize"` is nearest
            resize, then convolution. `"direct"` is one sub-pixel convolution from features to RGB, added to the LR
            pixels repeated; it learns as well as the published one at little more than half its cost.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale or upsampling.
    """
    check_choice("upsampling", upsampling, ("subpixel", "resize", "direct"))
    steps = upsampling_steps(scale)
    mean = [-value / 127.5 for value in DIV2K_MEAN_RGB]
    lr = keras.Input((None, None, 3), name="lr")
    normalized = layers.Rescaling(1 / 127.5, offset=mean, name="normalize")(lr)
    x = head = layers.Conv2D(filters, 3, padding="same", name="head_conv")(normalized)
    for number in range(1, num_blocks + 1):
        x = _residual_block(x, filters, residual_scaling, f"block{number}")
    x = layers.Conv2D(filters, 3, padding="same", name="body_conv")(x)
    x = layers.Add(name="body_add")([head, x])
    if upsampling == "direct":
        x = subpixel_upsample(x, 3, scale, "upsample1", dtype="float32")
        repeated = layers.UpSampling2D(scale, dtype="float32", name="repeat")(normalized)
        x = layers.Add(dtype="float32", name="upsample_add")([repeated, x])
    else:
        for number, step in enumerate(steps, start=1):
            x = _upsample(x, filters, step, upsampling, f"upsample{number}")
        x = layers.Conv2D(3, 3, padding="same", dtype="float32", name="tail_conv")(x)
    sr = layers.Rescaling(127.5, offset=list(DIV2K_MEAN_RGB), dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="edsr")


def _residual_block(inputs, filters: int, residual_scaling: float, name: str):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv1")(inputs)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(x)
    if residual_scaling != 1:
        x = layers.Rescaling(residual_scaling, name=f"{name}_scaling")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _upsample(x, filters: int, step: int, upsampling: str, name: str):
    if upsampling == "subpixel":
        return subpixel_upsample(x, filters, step, name)
    x = layers.UpSampling2D(step, interpolation="nearest", name=name)(x)
    return layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv")(x)
