"""The losses by name. To add one: a function (or a class, if it needs a network) in this package, and a line here."""

from srkit.lazy import LazyTable

# A loss is a function of `(hr, sr)`, or of `(hr, sr, scale)`; or a class, whose instances are called with `(hr, sr)`.
LOSSES = LazyTable(
    {
        "l1": "srkit.losses.pixel:l1",
        "mse": "srkit.losses.pixel:mse",
        "vgg22": "srkit.losses.vgg:VGG22",
        "vgg54": "srkit.losses.vgg:VGG54",
        "vgg54_pre": "srkit.losses.vgg:VGG54Pre",
        "lpips": "srkit.losses.perceptual:LPIPSLoss",
        "colour": "srkit.losses.pixel:colour",
        "total_variation": "srkit.losses.pixel:total_variation",
        "checkerboard": "srkit.losses.frequency:checkerboard",
        "spectrum": "srkit.losses.frequency:spectrum",
    }
)

# The part of a generator's loss that a discriminator gives: objects with `generator(hr_logits, sr_logits)` and
# `discriminator(hr_logits, sr_logits)`.
ADVERSARIAL = LazyTable(
    {
        "adversarial": "srkit.losses.adversarial:vanilla",
        "adversarial_ra": "srkit.losses.adversarial:relativistic_average",
    }
)
