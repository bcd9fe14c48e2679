"""Weights that other projects trained: recognised by their tensors, and opened without their programs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"checkpoint": ["SUFFIXES"], "opening": ["LAYOUTS", "Opened", "open_foreign"]}
)
