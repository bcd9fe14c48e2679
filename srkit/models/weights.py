"""Model files: presets, `.keras`, `.weights.h5` and legacy `.h5`."""

import io
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import h5py
import keras
import numpy as np

from srkit.errors import InputError
from srkit.files import replacing
from srkit.models.architectures import MODELS
from srkit.models.config import build_from_config
from srkit.models.presets import PRESETS, preset_path
from srkit.models.scales import scales_of

_DAMAGED = (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError)  # what h5py and Keras raise on it
_CONFIG = "srkit_recipe"  # the attribute of an .h5 file that holds its model's config


def load_model(source: "str | os.PathLike", model: keras.Model | None = None, trust: bool = False) -> keras.Model:
    """Loads a super-resolution model.

    Args:
        source: The name of a preset, or the path of a `.keras` file, of a `.weights.h5` file, or of a legacy
            weights-only `.h5` file of Keras 2.
        model: A model to load the weights into. Weights that srkit saved know their model; for others without
            this argument `srresnet(scale=4)` is tried, the generator of the Keras SRGAN proof of concept.
        trust: Load `.keras` files that hold program code (Lambda layers), which can do on this machine what it likes.

    Returns:
        The model, from `(batch, height, width, 3)` to `scale` times the height and width, RGB in [0, 255].

    Raises:
        InputError: There is no such preset or file, it is damaged, or it does not fit the model.
    """
    if str(source) in PRESETS:
        path = preset_path(str(source))
    else:
        path = Path(source)
        if not path.is_file():
            raise InputError(
                f"There is no model {source}: give the path of a .keras or .h5 file, or one of {', '.join(PRESETS)}."
            )
    if path.suffix == ".keras":
        return _load_keras(path, trust)
    if path.suffix not in (".h5", ".hdf5"):
        raise InputError(f"{path} is no model file: .keras, .weights.h5 and .h5 are known.")
    try:
        with h5py.File(path) as file:
            config = json.loads(file.attrs.get(_CONFIG, "null"))
            legacy = "layer_names" in file.attrs or "model_weights" in file
            num_values = _num_values(file)
    except _DAMAGED:
        raise InputError(f"{path} is damaged, or no HDF5 file.") from None
    if model is None:
        model = build_from_config(config) if config else MODELS["srresnet"](scale=4)
    _load_weights(model, path, legacy, num_values)
    return model


def save_weights(model: keras.Model, path: "str | os.PathLike", half: bool = False) -> None:
    """Saves a model's weights as `.weights.h5`, with the config by which `load_model` builds the model.

    The file appears whole or not at all.

    Args:
        model: The model.
        path: A name that ends in `.weights.h5`. Its folder is made where there is none.
        half: Save float16, compressed, which takes less than half of the room. What float16 cannot hold stays float32.
    """
    path = Path(path)
    if not path.name.endswith(".weights.h5"):
        raise InputError(f"Weights are saved as .weights.h5; received {path}.")
    with replacing(path, ending=".weights.h5") as temporary:
        model.save_weights(temporary)
        if hasattr(model, "config"):
            with h5py.File(temporary, "a") as file:
                file.attrs[_CONFIG] = json.dumps(dict(model.config))
        if half:
            _halve(temporary)


class Start(NamedTuple):
    """What a model starts with, as names of layers with weights.

    Attributes:
        copied: Those whose weights are another model's.
        new: Those that stay as they are initialised.
    """

    copied: list[str]
    new: list[str]


def start_from(model: keras.Model, source: "keras.Model | str | os.PathLike") -> Start:
    """Copies another model's weights, where they fit: EDSR's x3 and x4 start from x2 (Lim et al. 2017, section 3.2).

    A layer fits if the source has one of its name, with weights of the same shapes. Between models of different scales
    the layers that upsample stay new.

    Args:
        model: The model to copy into.
        source: A model, or what `load_model` takes.

    Returns:
        Which layers were copied, and which ones are new.

    Raises:
        InputError: The source cannot be loaded, or none of its layers fits. The model is then as it was.
    """
    if not isinstance(source, keras.Model):
        source = load_model(source)
    same_scale = scales_of(model) == scales_of(source)
    sources = {layer.name: layer for layer in source.layers}
    start = Start([], [])
    for layer in model.layers:
        # EDSR's upsample1_conv has one shape at x2 and x4, but at x4 it makes features, not what the tail takes.
        fits = (
            layer.name in sources
            and _shapes(layer) == _shapes(sources[layer.name])
            and (same_scale or "upsample" not in layer.name)
        )
        if layer.weights:
            (start.copied if fits else start.new).append(layer.name)
    if not start.copied:
        raise InputError(
            f"{model.name} cannot start from {source.name}: no layer has its name and shape there. "
            "Start from weights of the same architecture with as many filters."
        )
    for name in start.copied:
        model.get_layer(name).set_weights(sources[name].get_weights())
    return start


def _load_keras(path: Path, trust: bool) -> keras.Model:
    try:
        return keras.models.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:  # Keras raises many kinds; its first line says what
        if "safe_mode" in str(error):
            raise InputError(
                f"{path} cannot be loaded as a Keras model: it holds program code (a Lambda layer), which could do "
                "anything on this machine. If you trust where it comes from: --trust, or load_model(…, trust=True)."
            ) from None
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be loaded as a Keras model: {reason}") from None


def _load_weights(model: keras.Model, path: Path, legacy: bool, num_values: int) -> None:
    name = model.name
    if num_values != model.count_params():
        raise InputError(
            f"{path} does not fit {name}: it holds {num_values:,} values, "
            f"the model has {model.count_params():,}. Give the model that the weights were made for (model=…)."
        )
    # Keras tells the two formats apart by the name alone.
    suffix = ".h5" if legacy else ".weights.h5"
    with tempfile.TemporaryDirectory() as folder:
        named = path
        if path.name.endswith(".weights.h5") == legacy:
            named = shutil.copy(path, Path(folder) / f"model{suffix}")
        try:
            model.load_weights(named)
        except _DAMAGED as error:
            reason = (str(error).strip().splitlines() or [""])[0]
            raise InputError(f"{path} does not fit {name}: {reason}") from None


def _halve(path: Path) -> None:
    """Rewrites an HDF5 file with its float32 numbers as float16, compressed."""
    halved = io.BytesIO()
    with h5py.File(path) as file, h5py.File(halved, "w") as new:
        new.attrs.update(file.attrs)

        def copy(name: str, item) -> None:
            if isinstance(item, h5py.Group):
                new.create_group(name).attrs.update(item.attrs)
            else:
                values = item[()]
                if item.dtype == "float32" and np.abs(values).max(initial=0) <= np.finfo("float16").max:
                    values = values.astype("float16")
                new.create_dataset(name, data=values, compression="gzip" if item.shape else None)

        file.visititems(copy)
    path.write_bytes(halved.getvalue())


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [weight.shape for weight in layer.weights]


def _num_values(file: h5py.File) -> int:
    """How many numbers a file of weights holds, an optimizer's state left out."""
    sizes = []

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    file.visititems(visit)
    return sum(sizes)
