"""The losses by name. To add one: a function (or a class, if it needs a network) in this package, and a line here."""

from collections.abc import Callable

from srkit.losses.adversarial import RelativisticAverage, Vanilla
from srkit.losses.frequency import checkerboard, spectrum
from srkit.losses.perceptual import LPIPS
from srkit.losses.pixel import colour, l1, mse, total_variation
from srkit.losses.vgg import VGG22, VGG54, VGG54Pre

# A loss is a function of `(hr, sr)`, or of `(hr, sr, scale)`; or a class, whose instances are called with `(hr, sr)`.
LOSSES: dict[str, Callable] = {
    "l1": l1,
    "mse": mse,
    "vgg22": VGG22,
    "vgg54": VGG54,
    "vgg54_pre": VGG54Pre,
    "lpips": LPIPS,
    "colour": colour,
    "total_variation": total_variation,
    "checkerboard": checkerboard,
    "spectrum": spectrum,
}

# The part of a generator's loss that a discriminator gives, by name.
ADVERSARIAL: dict[str, Vanilla | RelativisticAverage] = {
    "adversarial": Vanilla(),
    "adversarial_ra": RelativisticAverage(),
}
