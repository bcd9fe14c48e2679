"""SRCNN (Dong et al. 2016, "Image Super-Resolution Using Deep Convolutional Networks", section 3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import CHANNELS, rebuildable, with_luma
from srkit.models.layers import BicubicUpsampling, Luma


@rebuildable
def srcnn(scale: int = 4, filters: int = 64, kernel_size: int = 5, channels: str = "rgb") -> keras.Model:
    """Builds SRCNN: three convolutions of the bicubically upscaled image, trained with MSE.

    The defaults are the paper's best network, 9-5-5. The paper counts 57,184 parameters (8,032 for 9-1-5): weights
    without biases, for the Y channel alone. On RGB (section 4.5), and with biases, it is 69,251 (20,099).

    ```python
    model = srcnn(scale=3)
    ```

    Args:
        scale: 2, 3, 4 or 8.
        filters: Number of channels of the first convolution. The second one has half as many, rounded up.
        kernel_size: Side of the second convolution's kernel in pixels: 1, 3 or 5 in the paper.
        channels: `"rgb"`; or `"y"`, as published: the network enlarges the luma, bicubic interpolation the colours.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale, or there are no such channels.
    """
    check_choice("scale", scale, SCALES)
    check_choice("channels", channels, CHANNELS)
    lr = keras.Input((None, None, 3), name="lr")
    x = bicubic = BicubicUpsampling(scale, name="bicubic")(lr)
    if channels == "y":
        x = Luma(name="luma")(bicubic)
    x = layers.Rescaling(1 / 255, name="normalize")(x)
    x = layers.Conv2D(filters, 9, padding="same", activation="relu", name="conv1")(x)
    x = layers.Conv2D(-(-filters // 2), kernel_size, padding="same", activation="relu", name="conv2")(x)
    x = layers.Conv2D(1 if channels == "y" else 3, 5, padding="same", dtype="float32", name="conv3")(x)
    x = layers.Rescaling(255.0, dtype="float32", name="denormalize")(x)
    sr = with_luma(bicubic, x) if channels == "y" else x
    return keras.Model(lr, sr, name="srcnn")
