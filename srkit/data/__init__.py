"""Photographs and the pairs made of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cache_builder": ["clear"],
        "folders": ["data_dir"],
        "matching": ["match_lr"],
        "pairs": ["MultiScalePairs", "Pairs"],
        "sources": ["div2k", "folder", "load", "samples", "stanford_dogs"],
        "table": ["SOURCES"],
    },
)
