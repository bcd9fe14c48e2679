"""Super-resolution without a network: NumPy, SciPy and OpenCV alone.

A method is used like a Keras model from LR to SR: by `load_model`, `upscale`, `benchmark` and the command line.
"""

import lazy_loader

from srkit.lazy import LazyTable

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "a_plus": ["APlus"],
        "a_plus_training": ["train_a_plus"],
        "method": ["ClassicalModel"],
        "self_exemplars": ["SelfExSR"],
    },
)

METHODS = LazyTable({"a-plus": "srkit.classical.a_plus:APlus", "selfexsr": "srkit.classical.self_exemplars:SelfExSR"})

# Models that need no weights, with their configs.
UNTRAINED = {f"selfexsr-x{scale}": {"model": "selfexsr", "scale": scale} for scale in (2, 3, 4)}
