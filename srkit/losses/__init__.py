"""Losses by name, and what they are made of. `keras.ops` only."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adversarial": ["RelativisticAverage", "Vanilla"],
        "frequency": ["checkerboard", "spectrum"],
        "perceptual": ["LPIPS", "LPIPSLoss"],
        "pixel": ["colour", "l1", "mse", "total_variation"],
        "table": ["ADVERSARIAL", "LOSSES"],
        "vgg": ["VGG22", "VGG54", "VGG54Pre", "VGGLoss"],
        "weighted": ["WeightedLosses"],
    },
)
