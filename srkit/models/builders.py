"""What the builders share."""

import functools
import inspect
from collections.abc import Callable

import keras
from keras import layers

from srkit.backend import check_settings
from srkit.errors import check_choice
from srkit.image import SCALES
from srkit.models.layers import Luma
from srkit.models.subpixel import ICNR, PixelShuffle

CHANNELS = ("rgb", "y")
LUMA_TO_RGB = 255 / 219  # how much R, G and B rise where Y rises by one


def rebuildable(build: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
    """Has a builder's models remember how they were built, as `model.config`: {"model": name, arguments…}.

    `srkit.models.save_weights` writes the config into weight files, so that `load_model` can build the model.
    """
    signature = inspect.signature(build)

    @functools.wraps(build)
    def build_and_remember(*args, **kwargs) -> keras.Model:
        check_settings()
        arguments = signature.bind(*args, **kwargs)
        arguments.apply_defaults()
        model = build(*args, **kwargs)
        model.config = {"model": build.__name__, **arguments.arguments}
        return model

    return build_and_remember


def upsampling_steps(scale: int) -> list[int]:
    """The factors by which a network upsamples in turn: x4 is twice x2, x8 three times x2."""
    check_choice("scale", scale, SCALES)
    return {2: [2], 3: [3], 4: [2, 2], 8: [2, 2, 2]}[scale]


def small_start() -> keras.initializers.Initializer:
    """A tenth of He's standard deviation: many layers train from a smaller start (Wang et al. 2018, section 3.1)."""
    return keras.initializers.VarianceScaling(2 * 0.1**2, mode="fan_in", distribution="truncated_normal")


def with_luma(rgb, luma):
    """An RGB image with another luma (`Luma`), and its own colours.

    What is added to R, G and B alike changes Y by 219/255 of it, and no colour difference.
    """
    difference = layers.Subtract(dtype="float32", name="luma_difference")([luma, Luma(name="luma_before")(rgb)])
    difference = layers.Rescaling(LUMA_TO_RGB, dtype="float32", name="rgb_difference")(difference)
    return layers.Add(dtype="float32", name="sr")([rgb, difference])


def subpixel_upsample(x, filters: int, step: int, name: str, dtype: str | None = None):
    """Sub-pixel convolution (Shi et al. 2016): a convolution, initialised by ICNR, and a pixel shuffle."""
    x = layers.Conv2D(
        filters * step**2, 3, padding="same", kernel_initializer=ICNR(step), dtype=dtype, name=f"{name}_conv"
    )(x)
    return PixelShuffle(step, dtype=dtype, name=f"{name}_shuffle")(x)
