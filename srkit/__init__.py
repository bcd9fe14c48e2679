"""srkit: single-image super-resolution with Keras and TensorFlow."""

import os

import lazy_loader

__version__ = "0.1.0"

# TensorFlow takes a GPU's memory as it needs it, so that others can use the card. It reads this at its first use of it.
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "classical",
        "data",
        "evaluation",
        "exporting",
        "image",
        "inference",
        "losses",
        "models",
        "notebook",
        "training",
    ],
    submod_attrs={
        "devices": ["device_report"],
        "errors": ["InputError", "TrainingDiverged"],
        "evaluation": ["benchmark"],
        "exporting": ["export"],
        "inference": ["upscale"],
        "models": ["load_model", "save_weights"],
        "notebook": ["compare"],
        "training": ["GanOptions", "GanTrainer", "PreTrainer", "TrainOptions"],
    },
)
