"""Scores and their tables; opinion tests; recognition of faces."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["opinion", "recognition"],
    submod_attrs={
        "benchmarking": ["benchmark"],
        "metrics": [
            *("DEFAULT_METRICS", "METRICS", "Metric", "checkerboard_power", "colour_shift", "dists", "lpips", "psnr"),
            "ssim",
        ],
        "pairing": ["find_pairs"],
        "protocols": ["PROTOCOLS", "Protocol", "get_protocol"],
        "tables": ["fill_page"],
    },
)
