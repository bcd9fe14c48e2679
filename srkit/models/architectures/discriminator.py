"""The discriminator of SRGAN (Ledig et al. 2017, section 2.1.1 and figure 4)."""

import keras
from keras import layers

from srkit.errors import InputError
from srkit.models.builders import rebuildable
from srkit.models.layers import BatchNormalization

# Channels as multiples of the first convolution's, and strides, of the seven convolutions behind it.
_BLOCKS = ((1, 2), (2, 1), (2, 2), (4, 1), (4, 2), (8, 1), (8, 2))


@rebuildable
def discriminator(patch_size: int = 96, filters: int = 64) -> keras.Model:
    """Builds SRGAN's discriminator, ending in a logit.

    The paper ends in a sigmoid; a logit with `from_logits=True` is the same function, and stable.

    ```python
    judge = discriminator(patch_size=96)
    ```

    Args:
        patch_size: Side of the square HR crops that it judges, in pixels: a multiple of 16.
        filters: Number of channels of the first convolution. The others have twice, four times and eight times as
            many.

    Returns:
        A model from `(batch, patch_size, patch_size, 3)`, RGB in [0, 255], to `(batch, 1)`: a logit, which is above 0
        for crops that it takes for originals.

    Raises:
        InputError: The crop's side is not a multiple of 16.
    """
    if patch_size < 16 or patch_size % 16:
        raise InputError(f"The discriminator needs HR crops whose side is a multiple of 16; received {patch_size}.")
    hr = keras.Input((patch_size, patch_size, 3), name="hr")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="normalize")(hr)
    x = layers.Conv2D(filters, 3, padding="same", name="conv1")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="conv1_relu")(x)
    for number, (multiple, strides) in enumerate(_BLOCKS, start=2):
        x = layers.Conv2D(filters * multiple, 3, strides=strides, padding="same", name=f"conv{number}")(x)
        x = BatchNormalization(momentum=0.8, name=f"conv{number}_bn")(x)
        x = layers.LeakyReLU(negative_slope=0.2, name=f"conv{number}_relu")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(1024, name="dense")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="dense_relu")(x)
    logit = layers.Dense(1, dtype="float32", name="logit")(x)
    return keras.Model(hr, logit, name="discriminator")
