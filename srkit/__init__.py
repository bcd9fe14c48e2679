"""srkit: single-image super-resolution with Keras and TensorFlow."""

from srkit import quiet  # noqa: F401  # isort: skip - before anything that imports TensorFlow

from srkit import data, images, metrics, models, resize
from srkit.errors import InputError, TrainingDiverged
from srkit.inference import upscale
from srkit.training import GanTrainer, PreTrainer
from srkit.weights import load_model, save_weights

__version__ = "0.1.0"

__all__ = [
    "GanTrainer",
    "InputError",
    "PreTrainer",
    "TrainingDiverged",
    "data",
    "images",
    "load_model",
    "metrics",
    "models",
    "resize",
    "save_weights",
    "upscale",
]
