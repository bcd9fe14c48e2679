"""Every architecture at a small size and at each of its scales, for the tests that hold for all of them."""

import inspect

import keras

from srkit import models
from srkit.models.layers import Dirac

_SIZES = {"filters": 8, "growth_filters": 4, "num_blocks": 1, "num_layers": 3, "num_convs": 2, "num_recursions": 2}


def toy(name: str, scale: int = 4, **arguments) -> keras.Model:
    """A small model for one scale; an architecture for several scales is taken at that one.

    SRResNet's blocks begin as the identity: here they do something, as trained ones.
    """
    build = models.MODELS[name]
    known = inspect.signature(build).parameters
    arguments = {key: value for key, value in _SIZES.items() if key in known} | arguments
    model = build(scale, **arguments) if "scale" in known else models.at_scale(build(**arguments), scale)
    for variable in model.variables:
        if variable.name == "gamma":
            variable.assign(keras.random.uniform(variable.shape, 0.5, 1.5))
    return model


def scales(name: str) -> tuple[int, ...]:
    return (2, 3, 4, 8) if "scale" in inspect.signature(models.MODELS[name]).parameters else (2, 3, 4)


class Applied(keras.layers.Layer):
    """A layer of a user's own that Keras can neither save nor copy, since its argument is a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


def with_operators(scale: int = 2, activation: str = "relu") -> keras.Model:
    """A model of a user's own, with operations that are no layers."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, padding="same", activation=activation)(image / 255.0 - 0.5)
    x = keras.layers.Conv2D(3 * scale**2, 3, padding="same")(keras.ops.tanh(x) + x)
    x = keras.layers.UpSampling2D(scale)(x[..., :3]) + 0.5
    return keras.Model(image, keras.ops.clip(255.0 * x, 0, 255))


def repeating(channels: int = 3, sides: tuple = (None, None), given: tuple = (0, 255)) -> keras.Model:
    """A model of a user's own, which repeats each pixel 4x4 times.

    Args:
        channels: The number of channels that it takes and returns.
        sides: The height and width of the images that it takes.
        given: What it returns 0 and 255 as.
    """
    image = keras.Input((*sides, channels))
    x = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False, kernel_initializer=Dirac())(image)
    x = keras.layers.Rescaling((given[1] - given[0]) / 255, given[0])(keras.layers.UpSampling2D(4)(x))
    return keras.Model(image, x, name="repeating")


@keras.saving.register_keras_serializable("tests")
class Repeating(keras.Model):
    """The same as program code: there is no graph."""

    def __init__(self, **options):
        super().__init__(**options)
        self.upsampling = keras.layers.UpSampling2D(4)

    def call(self, image):
        return self.upsampling(image)
