"""DRCN (Kim et al. 2016, "Deeply-Recursive Convolutional Network for Image Super-Resolution", section 3)."""

import keras
from keras import layers

from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.builders import rebuildable
from srkit.models.layers import BicubicUpsampling, Dirac, WeightedAverage


@rebuildable
def drcn(scale: int = 4, filters: int = 256, num_recursions: int = 16) -> keras.Model:
    """Builds DRCN: one convolution applied again and again, and a reconstruction after each time.

    The output is the average of all reconstructions, with weights that are learned (section 3.2). A reconstruction is
    the bicubically upscaled image plus a residual; as the weights sum to one, the residuals are averaged, then added.

    The paper's network is for the Y channel: 1,775,121 parameters, including the 16 weights of the average. On RGB,
    as here, it has 1,784,339. The average alone is trained: the paper's recursive supervision (section 3.3), a loss of
    each single reconstruction, is not part of the model. The recursive convolution starts as the identity (section
    4.2), so that the gradient reaches it through all recursions.

    ```python
    model = drcn(scale=3)
    ```

    Args:
        scale: 2, 3, 4 or 8. The weights do not depend on it: those of one scale fit another.
        filters: Number of channels between the convolutions.
        num_recursions: Number of times that the recursive convolution is applied.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale.
    """
    check_choice("scale", scale, SCALES)
    recursion = _convolution(filters, "recursion_conv", kernel_initializer=Dirac())
    reconstruction1 = _convolution(filters, "reconstruction_conv1")
    reconstruction2 = _convolution(3, "reconstruction_conv2", activation=None)

    lr = keras.Input((None, None, 3), name="lr")
    bicubic = BicubicUpsampling(scale, name="bicubic")(lr)
    x = layers.Rescaling(1 / 255, name="normalize")(bicubic)
    x = _convolution(filters, "embedding_conv1")(x)
    x = _convolution(filters, "embedding_conv2")(x)
    residuals = []
    for _ in range(num_recursions):
        x = recursion(x)
        residuals.append(reconstruction2(reconstruction1(x)))
    x = WeightedAverage(dtype="float32", name="average")(residuals)
    residual = layers.Rescaling(255.0, dtype="float32", name="residual")(x)
    sr = layers.Add(dtype="float32", name="sr")([bicubic, residual])
    return keras.Model(lr, sr, name="drcn")


def _convolution(filters: int, name: str, activation="relu", kernel_initializer="he_normal") -> layers.Layer:
    return layers.Conv2D(
        filters, 3, padding="same", activation=activation, kernel_initializer=kernel_initializer, name=name
    )
