"""SRVGGNetCompact, the small generator of Real-ESRGAN (Wang et al. 2021): a plain stack of convolutions in LR."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import rebuildable, subpixel_upsample
from srkit.models.layers import PReLU

_ACTIVATIONS = ("prelu", "relu", "leaky_relu")


@rebuildable
def compact(scale: int = 4, filters: int = 64, num_convs: int = 16, activation: str = "prelu") -> keras.Model:
    """Builds SRVGGNetCompact: convolutions in LR, one pixel shuffle, and the LR pixels repeated added to it.

    The defaults are those of Real-ESRGAN's animation model: 621,424 parameters at x4. Its small general models have
    `num_convs=32`: 1,213,296.

    ```python
    generator = compact(scale=4, num_convs=32)
    ```

    Args:
        scale: 1, 2, 3, 4 or 8, reached in a single step. A model of x1 keeps the size.
        filters: Number of channels between the convolutions.
        num_convs: Number of convolutions between the first and the last.
        activation: `"prelu"`, as published, with a slope for each channel; `"relu"`; or `"leaky_relu"`, with a slope
            of 0.1.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale or activation.
    """
    check_choice("scale", scale, (1, *SCALES))
    check_choice("activation", activation, _ACTIVATIONS)
    lr = keras.Input((None, None, 3), name="lr")
    x = normalized = layers.Rescaling(1 / 255, name="normalize")(lr)
    for name in ("head", *(f"body{number}" for number in range(1, num_convs + 1))):
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"{name}_conv")(x)
        x = _activation(activation, f"{name}_{activation}")(x)
    x = subpixel_upsample(x, 3, scale, "upsample1", dtype="float32")
    repeated = layers.UpSampling2D(scale, dtype="float32", name="repeat")(normalized)
    x = layers.Add(dtype="float32", name="upsample_add")([repeated, x])
    sr = layers.Rescaling(255.0, dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="compact")


def _activation(kind: str, name: str) -> layers.Layer:
    if kind == "prelu":
        return PReLU(alpha_initializer=keras.initializers.Constant(0.25), name=name)
    return layers.ReLU(name=name) if kind == "relu" else layers.LeakyReLU(negative_slope=0.1, name=name)
