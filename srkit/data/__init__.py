"""Photographs and the pairs made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "table": ["SOURCES"],
        "cache": ["clear"],
        "pairs": ["MultiScalePairs", "Pairs"],
        "sources": ["data_dir", "div2k", "folder", "load", "samples", "stanford_dogs"],
    },
)
