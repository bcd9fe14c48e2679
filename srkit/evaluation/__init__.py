"""Scores, and the tables made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "metrics": ["psnr", "ssim"],
        "benchmarking": ["benchmark"],
        "protocols": ["PROTOCOLS"],
    },
)
