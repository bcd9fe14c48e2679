"""ESPCN (Shi et al. 2016, section 3 and figure 1): where sub-pixel convolution comes from."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import CHANNELS, rebuildable, subpixel_upsample, with_luma
from srkit.models.layers import BicubicUpsampling, Luma


@rebuildable
def espcn(scale: int = 4, filters: int = 64, channels: str = "rgb") -> keras.Model:
    """Builds ESPCN: three convolutions in LR, the last one of them sub-pixel; small enough for video.

    The paper's network (section 3.2: 5-3-3, tanh) is for the Y channel and has 24,752 parameters at x4; on RGB, as
    here, it has 37,200.

    ```python
    model = espcn(scale=3)
    ```

    Args:
        scale: 2, 3, 4 or 8, reached in a single step.
        filters: Number of channels of the first convolution. The second one has half as many, rounded up.
        channels: `"rgb"`; or `"y"`, as published: the network enlarges the luma, bicubic interpolation the colours.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale, or there are no such channels.
    """
    check_choice("scale", scale, SCALES)
    check_choice("channels", channels, CHANNELS)
    lr = keras.Input((None, None, 3), name="lr")
    x = Luma(name="luma")(lr) if channels == "y" else lr
    x = layers.Rescaling(1 / 255, name="normalize")(x)
    x = layers.Conv2D(filters, 5, padding="same", activation="tanh", name="conv1")(x)
    x = layers.Conv2D(-(-filters // 2), 3, padding="same", activation="tanh", name="conv2")(x)
    x = subpixel_upsample(x, 1 if channels == "y" else 3, scale, "upsample1", dtype="float32")
    x = layers.Rescaling(255.0, dtype="float32", name="denormalize")(x)
    sr = with_luma(BicubicUpsampling(scale, name="bicubic")(lr), x) if channels == "y" else x
    return keras.Model(lr, sr, name="espcn")
