"""VDSR (Kim et al. 2016, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", section 3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import CHANNELS, LUMA_TO_RGB, rebuildable
from srkit.models.layers import BicubicUpsampling, Luma


@rebuildable
def vdsr(scale: int = 4, filters: int = 64, num_layers: int = 20, channels: str = "rgb") -> keras.Model:
    """Builds VDSR: many 3x3 convolutions that find what the bicubically upscaled image lacks.

    The paper's network is for the Y channel and has 665,921 parameters; on RGB, as here, it has 668,227. It computes
    at the size of HR, where each parameter costs 16 times as much at x4 as in a network that upsamples at its end.

    ```python
    model = vdsr(scale=2)
    ```

    Args:
        scale: 2, 3, 4 or 8. The weights do not depend on it: those of one scale fit another.
        filters: Number of channels between the convolutions.
        num_layers: Number of convolutions, including the first and the last.
        channels: `"rgb"`; or `"y"`, as published: the network enlarges the luma, bicubic interpolation the colours.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale, or there are no such channels.
    """
    check_choice("scale", scale, SCALES)
    check_choice("channels", channels, CHANNELS)
    lr = keras.Input((None, None, 3), name="lr")
    bicubic = BicubicUpsampling(scale, name="bicubic")(lr)
    x = Luma(name="luma")(bicubic) if channels == "y" else bicubic
    x = layers.Rescaling(1 / 255, name="normalize")(x)
    for number in range(1, num_layers):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv{number}"
        )(x)
    filters, gain = (1, LUMA_TO_RGB) if channels == "y" else (3, 1)
    x = layers.Conv2D(
        filters, 3, padding="same", kernel_initializer="he_normal", dtype="float32", name=f"conv{num_layers}"
    )(x)
    residual = layers.Rescaling(255.0 * gain, dtype="float32", name="residual")(x)
    sr = layers.Add(dtype="float32", name="sr")([bicubic, residual])
    return keras.Model(lr, sr, name="vdsr")
