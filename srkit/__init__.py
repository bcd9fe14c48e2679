"""srkit: single-image super-resolution with Keras and TensorFlow."""

from importlib import import_module

from srkit import quiet  # noqa: F401  # isort: skip - before anything that imports TensorFlow

from srkit import data, images, metrics, models, resize
from srkit.errors import InputError, TrainingDiverged
from srkit.weights import load_model, save_weights

__version__ = "0.1.0"

__all__ = [
    "GanTrainer",
    "InputError",
    "PreTrainer",
    "TrainingDiverged",
    "benchmark",
    "compare",
    "data",
    "images",
    "load_model",
    "metrics",
    "models",
    "resize",
    "save_weights",
    "upscale",
]

# Imported when they are used: they need TensorFlow, or are seldom needed; what is above runs on any Keras backend.
_LATER = {"GanTrainer": "training", "PreTrainer": "training", "compare": "comparison", "upscale": "inference"}


def __getattr__(name: str) -> object:
    if name in _LATER:
        return getattr(import_module(f"srkit.{_LATER[name]}"), name)
    if name == "benchmark":
        return import_module("srkit.benchmark")
    raise AttributeError(f"module 'srkit' has no attribute {name!r}")
