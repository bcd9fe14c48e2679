"""Every architecture at a small size and at each of its scales, for the tests that hold for all of them."""

import inspect

import keras

from srkit import models

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
