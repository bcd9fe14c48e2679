"""Callbacks: what happens beside the steps of a training, one subject a file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "callback": ["Callback"],
        "checkpoints": ["Checkpoints"],
        "early_stopping": ["EarlyStopping"],
        "history": ["History"],
        "pictures": ["Pictures"],
        "progress": ["ProgressBar"],
        "tensorboard": ["DiscriminatorHistograms", "TensorBoard"],
        "validation": ["Validation"],
        "watch": ["CollapseWatch", "ColourWatch", "FiniteWatch"],
    },
)
