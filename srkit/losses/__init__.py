"""Losses by name, and what they are made of. `keras.ops` only."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "losses": [
            "CONTENT_LOSSES",
            "VGGLoss",
            "colour",
            "content_loss",
            "discriminator_loss",
            "generator_loss",
            "grid",
            "mae",
            "mse",
            "spectrum",
            "total_variation",
        ],
    },
)
