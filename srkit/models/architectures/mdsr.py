"""MDSR (Lim et al. 2017, section 3.3 and figure 5): several scales in one network."""

from collections.abc import Callable

import keras
from keras import layers

from srkit.models.architectures.edsr import DIV2K_MEAN_RGB
from srkit.models.builders import rebuildable, subpixel_upsample, upsampling_steps

_SCALES = (2, 3, 4)


@rebuildable
def mdsr(filters: int = 64, num_blocks: int = 16) -> keras.Model:
    """Builds MDSR: EDSR's body shared by x2, x3 and x4, between a head and an upsampler of each scale's own.

    The defaults are the paper's baseline: 3,227,203 parameters (3.2 M). The full model is `mdsr(num_blocks=80)`:
    7,953,987 (8.0 M). The scales are trained in turn, with L1.

    ```python
    model = mdsr()
    x3 = at_scale(model, 3)
    ```

    Args:
        filters: Number of channels between the convolutions.
        num_blocks: Number of residual blocks of the shared body.

    Returns:
        A model from `(batch, height, width, 3)` to `{"x2", "x3", "x4"}`, each `(batch, height * scale, width * scale,
        3)`, RGB in [0, 255].
    """
    mean = [-value / 127.5 for value in DIV2K_MEAN_RGB]
    body = [_residual_block(filters, 3, f"block{number}") for number in range(1, num_blocks + 1)]
    body_conv = layers.Conv2D(filters, 3, padding="same", name="body_conv")
    body_add = layers.Add(name="body_add")
    tail_conv = layers.Conv2D(3, 3, padding="same", dtype="float32", name="tail_conv")

    lr = keras.Input((None, None, 3), name="lr")
    x = layers.Rescaling(1 / 127.5, offset=mean, name="normalize")(lr)
    head = layers.Conv2D(filters, 3, padding="same", name="head_conv")(x)
    outputs = {}
    for scale in _SCALES:
        name = f"x{scale}"
        x = _residual_block(filters, 5, f"{name}_block1")(head)
        x = skip = _residual_block(filters, 5, f"{name}_block2")(x)
        for block in body:
            x = block(x)
        x = body_add([skip, body_conv(x)])
        for number, step in enumerate(upsampling_steps(scale), start=1):
            x = subpixel_upsample(x, filters, step, f"{name}_upsample{number}")
        x = tail_conv(x)
        outputs[name] = layers.Rescaling(127.5, offset=list(DIV2K_MEAN_RGB), dtype="float32", name=name)(x)
    return keras.Model(lr, outputs, name="mdsr")


def _residual_block(filters: int, kernel_size: int, name: str) -> Callable:
    """Makes a block's layers. What it returns applies them, to as many inputs as share them."""
    conv1 = layers.Conv2D(filters, kernel_size, padding="same", activation="relu", name=f"{name}_conv1")
    conv2 = layers.Conv2D(filters, kernel_size, padding="same", name=f"{name}_conv2")
    add = layers.Add(name=f"{name}_add")
    return lambda inputs: add([inputs, conv2(conv1(inputs))])
