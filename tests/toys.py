"""Every architecture at a small size and at each of its scales, for the tests that hold for all of them."""

import inspect

import keras

from srkit import models

_SIZES = {"filters": 8, "growth_filters": 4, "num_blocks": 1, "num_layers": 3, "num_recursions": 2}


def toy(name: str, scale: int = 4, **arguments) -> keras.Model:
    """A small model for one scale; an architecture for several scales is taken at that one."""
    build = models.MODELS[name]
    known = inspect.signature(build).parameters
    arguments = {key: value for key, value in _SIZES.items() if key in known} | arguments
    if "scale" in known:
        return build(scale, **arguments)
    return models.at_scale(build(**arguments), scale)


def scales(name: str) -> tuple[int, ...]:
    return (2, 3, 4, 8) if "scale" in inspect.signature(models.MODELS[name]).parameters else (2, 3, 4)
