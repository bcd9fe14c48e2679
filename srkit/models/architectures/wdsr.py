"""WDSR (Yu et al. 2018, "Wide Activation for Efficient and Accurate Image Super-Resolution", sections 3.1 to 3.3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.architectures.edsr import DIV2K_MEAN_RGB
from srkit.models.builders import rebuildable
from srkit.models.subpixel import ICNR, PixelShuffle


@rebuildable
def wdsr(scale: int = 4, filters: int = 32, num_blocks: int = 16, expansion: int = 6, block: str = "b") -> keras.Model:
    """Builds WDSR: residual blocks that are wide before their activation, and one sub-pixel convolution of a 5x5 skip.

    The paper trains it with weight normalisation. Here the convolutions are plain ones: they compute the same, and
    weights that were trained with it are merged when they are loaded.

    ```python
    model = wdsr(scale=4)
    ```

    Args:
        scale: 2, 3, 4 or 8, reached in a single step.
        filters: Number of channels between the blocks.
        num_blocks: Number of residual blocks.
        expansion: How many times as wide a block is before its activation.
        block: `"a"`: two 3x3 convolutions. `"b"`: 1x1, 1x1 to 0.8 times the channels, and 3x3.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale or block.
    """
    check_choice("scale", scale, SCALES)
    check_choice("block", block, ("a", "b"))
    mean = [-value / 127.5 for value in DIV2K_MEAN_RGB]
    lr = keras.Input((None, None, 3), name="lr")
    normalized = layers.Rescaling(1 / 127.5, offset=mean, name="normalize")(lr)
    x = layers.Conv2D(filters, 3, padding="same", name="head_conv")(normalized)
    for number in range(1, num_blocks + 1):
        x = _block(x, filters, expansion, block, f"block{number}")
    x = _upsample(x, 3, scale, "upsample1")
    skip = _upsample(normalized, 5, scale, "skip_upsample1")
    x = layers.Add(dtype="float32", name="upsample_add")([x, skip])
    sr = layers.Rescaling(127.5, offset=list(DIV2K_MEAN_RGB), dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="wdsr")


def narrow_filters(filters: int) -> int:
    """Number of channels in the middle of a block of kind b."""
    return int(filters * 0.8)


def _block(inputs, filters: int, expansion: int, kind: str, name: str):
    size = 3 if kind == "a" else 1
    wide = layers.Conv2D(filters * expansion, size, padding="same", activation="relu", name=f"{name}_conv1")(inputs)
    if kind == "a":
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(wide)
    else:
        x = layers.Conv2D(narrow_filters(filters), 1, padding="same", name=f"{name}_conv2")(wide)
        x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv3")(x)
    return layers.Add(name=f"{name}_add")([inputs, x])


def _upsample(x, kernel_size: int, scale: int, name: str):
    x = layers.Conv2D(
        3 * scale**2, kernel_size, padding="same", kernel_initializer=ICNR(scale), dtype="float32", name=f"{name}_conv"
    )(x)
    return PixelShuffle(scale, dtype="float32", name=f"{name}_shuffle")(x)
