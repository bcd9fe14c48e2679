"""SPAN, the swift parameter-free attention network (Wan et al. 2024, section 3 and figure 2)."""

import keras
from keras import layers

from srkit.errors import InputError, check_choice
from srkit.image import SCALES
from srkit.models.architectures.edsr import DIV2K_MEAN_RGB
from srkit.models.builders import rebuildable, subpixel_upsample
from srkit.models.layers import WideConv2D


@rebuildable
def span(
    scale: int = 4, filters: int = 48, num_blocks: int = 6, expansion: int = 2, normalize: bool = True
) -> keras.Model:
    """Builds SPAN: blocks whose features weight themselves, all work in LR, and one pixel shuffle.

    The defaults are the published training form, in which each 3x3 convolution is a wider one (see `WideConv2D`):
    1,840,488 parameters at x4. It enlarges as fast as the merged form, `expansion=0`, which has 426,288 (0.43 M), and
    which `merged` makes of it.

    ```python
    model = span(scale=4)
    small_file = merged(model)
    ```

    Args:
        scale: 2, 3, 4 or 8, reached in a single step.
        filters: Number of channels between the convolutions.
        num_blocks: Number of blocks of three convolutions.
        expansion: How many times as wide the convolutions' training form is; 0 for plain convolutions.
        normalize: Whether DIV2K's mean colour is taken from the image, as published. What is left is divided by 255, so
            that a training starts well; published weights, for grey levels, are those with a first kernel 255 times
            as large. Without, the network's input is the image in [0, 1], as some other programs train it.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255].

    Raises:
        InputError: There is no such scale.
    """
    check_choice("scale", scale, SCALES)

    def convolution(name: str) -> layers.Layer:
        if expansion:
            return WideConv2D(filters, expansion, name=name)
        return layers.Conv2D(filters, 3, padding="same", name=name)

    lr = keras.Input((None, None, 3), name="lr")
    mean = [-value / 255 if normalize else 0.0 for value in DIV2K_MEAN_RGB]
    x = layers.Rescaling(1 / 255, offset=mean, name="normalize")(lr)
    x = head = convolution("head_conv")(x)
    features = []
    for number in range(1, num_blocks + 1):
        x, first = _block(x, convolution, f"block{number}")
        features.append((x, first))
    x = convolution("body_conv")(x)
    x = layers.Concatenate(name="concat")([head, x, features[0][0], features[-1][1]])
    x = layers.Conv2D(filters, 1, name="concat_conv")(x)
    x = subpixel_upsample(x, 3, scale, "upsample1", dtype="float32")
    sr = layers.Rescaling(255.0, dtype="float32", name="sr")(x)
    return keras.Model(lr, sr, name="span")


def merged(model: keras.Model) -> keras.Model:
    """SPAN with plain convolutions in place of the wider ones that it was trained with: the same function.

    ```python
    save_weights(merged(span(scale=4)), "span.weights.h5")
    ```

    Args:
        model: A model that `span` built.

    Returns:
        A new model, built with `expansion=0`.

    Raises:
        InputError: It is another model.
    """
    arguments = dict(getattr(model, "config", {}))
    if arguments.pop("model", None) != "span":
        raise InputError(f"{model.name} has no wider convolutions to merge: only models that span built have.")
    plain = span(**{**arguments, "expansion": 0})
    for layer in model.layers:
        weights = layer.merged() if isinstance(layer, WideConv2D) else layer.weights
        for weight, value in zip(plain.get_layer(layer.name).weights, weights, strict=True):
            weight.assign(value)
    return plain


def _block(inputs, convolution, name: str):
    """The block's result, and the features behind its first activation."""
    x = first = layers.Activation("silu", name=f"{name}_silu1")(convolution(f"{name}_conv1")(inputs))
    x = layers.Activation("silu", name=f"{name}_silu2")(convolution(f"{name}_conv2")(x))
    x = convolution(f"{name}_conv3")(x)
    attention = layers.Activation("sigmoid", name=f"{name}_sigmoid")(x)
    attention = layers.Rescaling(1.0, offset=-0.5, name=f"{name}_centred")(attention)
    x = layers.Add(name=f"{name}_add")([inputs, x])
    return layers.Multiply(name=f"{name}_attention")([x, attention]), first
