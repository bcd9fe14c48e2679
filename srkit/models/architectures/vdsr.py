"""VDSR (Kim et al. 2016, "Accurate Image Super-Resolution Using Very Deep Convolutional Networks", section 3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import rebuildable
from srkit.models.layers import BicubicUpsampling


@rebuildable
def vdsr(scale: int = 4, filters: int = 64, num_layers: int = 20) -> keras.Model:
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

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale.
    """
    check_choice("scale", scale, SCALES)
    lr = keras.Input((None, None, 3), name="lr")
    bicubic = BicubicUpsampling(scale, name="bicubic")(lr)
    x = layers.Rescaling(1 / 255, name="normalize")(bicubic)
    for number in range(1, num_layers):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer="he_normal", name=f"conv{number}"
        )(x)
    x = layers.Conv2D(3, 3, padding="same", kernel_initializer="he_normal", dtype="float32", name=f"conv{num_layers}")(
        x
    )
    residual = layers.Rescaling(255.0, dtype="float32", name="residual")(x)
    sr = layers.Add(dtype="float32", name="sr")([bicubic, residual])
    return keras.Model(lr, sr, name="vdsr")
