"""From a model, or its name, to a function that makes SR from LR."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from srkit.classical import ClassicalModel
from srkit.errors import InputError
from srkit.image import INTERPOLATIONS, interpolate
from srkit.inference import predict, upscale
from srkit.models import adapted, at_scale, load_model, scale_of, scales_of

Reconstructor = Callable[[np.ndarray], np.ndarray]  # from LR to SR, both uint8 RGB
Loaded = keras.Model | ClassicalModel
Model = str | os.PathLike | Loaded


def get_reconstructors(models: Sequence[Model], scale: int) -> dict[str, Reconstructor]:
    """For each model's name in the tables, a function from LR to SR.

    Args:
        models: Names of interpolations and presets, paths of model files, or Keras models. A `+` behind a name or a
            path stands for the geometric self-ensemble.
        scale: HR side / LR side.

    Raises:
        InputError: A model cannot be read, is given twice, is for another scale, or does not take and return RGB in
            [0, 255].
    """
    if not models:
        raise InputError("There is no model to score: give at least one.")
    names = [model.name if isinstance(model, Loaded) else str(model) for model in models]
    file_names = [Path(name).name for name in names]
    loaded, result = {}, {}
    for name, file_name, model in zip(names, file_names, models):
        # Files of one name in several folders keep their folders.
        label = file_name if file_names.count(file_name) == 1 else name
        if label in result:
            raise InputError(f"There are two models {label}: give each once, or names of their own.")
        result[label] = _get_reconstructor(model, name, scale, loaded)
    return result


def reconstruct(reconstructor: Reconstructor, lr: np.ndarray, scale: int, name: str) -> np.ndarray:
    """Makes SR, and checks its size.

    Raises:
        InputError: The model fails on an image of this size (it needs even sides, for instance), or SR
            has a wrong size. The message has the reason, for a person.
    """
    height, width = lr.shape[:2]
    try:
        sr = reconstructor(lr)
    except (ValueError, TypeError, tf.errors.OpError) as error:
        text = re.sub(r"\{\{.*?\}\} ?", "", str(error)).strip()
        # Of an error inside a layer, the lines before tell where in Keras it was raised.
        reason = (re.findall(r"^ *\w+Error: (.+)", text, re.MULTILINE) or text.splitlines() or ["no reason given"])[0]
        raise InputError(f"{name} fails on an LR image of {width}x{height} px: {reason}") from None
    if sr.shape != (height * scale, width * scale, 3):
        raise InputError(
            f"{name} makes {sr.shape[1]}x{sr.shape[0]} px of an LR image of {width}x{height} px; "
            f"expected {width * scale}x{height * scale} px."
        )
    return sr


def _get_reconstructor(model: Model, name: str, scale: int, loaded: dict[str, Loaded]) -> Reconstructor:
    """How a model makes SR from LR. `loaded` keeps the models: with and without self-ensemble each is loaded once."""
    if isinstance(model, Loaded):
        model = _at_scale(adapted(model), name, scale)
        return lambda lr: upscale(lr, model)
    if name in INTERPOLATIONS:
        return lambda lr: interpolate(lr, scale, name)
    source = name.removesuffix("+")
    if source in INTERPOLATIONS:
        raise InputError(f"{name}: {source} gives the same for all flips and rotations; leave the + out.")
    if source not in loaded:
        loaded[source] = _at_scale(load_model(source), source, scale)
    return lambda lr: upscale(lr, loaded[source], ensemble=source != name)


def _at_scale(model: Loaded, name: str, scale: int) -> Loaded:
    """The model, or its part for that scale; refused if it does not upscale an RGB image in [0, 255] by the scale."""
    try:
        model = at_scale(model, scale) if len(scales_of(model)) > 1 else model
        found = scale_of(model)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    if found != scale:
        raise InputError(f"{name} enlarges {found} times; asked: {scale}.")
    lr = np.full((24, 32, 3), 200, np.uint8)
    sr = reconstruct(lambda lr: predict(model, lr), lr, scale, name)
    low, high = sr.min(), sr.max()
    if not (np.isfinite(sr).all() and high > 2):
        raise InputError(
            f"{name} makes values from {low:.3g} to {high:.3g} of a bright image: it must take and return RGB in "
            "[0, 255]; put the normalisation inside the model (keras.layers.Rescaling)."
        )
    return model
