"""Weights-only `.h5` files of Keras 2: layers in their order, each with its weights."""

from pathlib import Path

import h5py
import numpy as np

from srkit.errors import InputError
from srkit.models.keras_files import DAMAGED


def read_layers(path: Path) -> dict[str, np.ndarray]:
    """Reads the weights of all layers that have some.

    Weight normalisation (of TensorFlow Addons) is merged: kernel times `g`, over the kernel's norm for each filter.

    Returns:
        The weights under `N.M`: the number of the layer and that of the weight in it, both from 0.

    Raises:
        InputError: The file is damaged, or a weight is larger in memory than in the file.
    """
    try:
        with h5py.File(path) as file:
            group = file.get("model_weights", file)
            layers = [_weights(group[_text(name)]) for name in group.attrs["layer_names"]]
    except InputError:
        raise
    except DAMAGED:
        raise InputError(f"{path} is damaged, or no file of weights of Keras 2.") from None
    with_weights = [weights for weights in layers if weights]
    return {f"{n}.{m}": weight for n, weights in enumerate(with_weights) for m, weight in enumerate(weights)}


def _weights(layer: h5py.Group) -> list[np.ndarray]:
    names, weights = list(map(_text, layer.attrs["weight_names"])), []
    for name in names:
        data = layer[name]
        if data.id.get_storage_size() < data.size * data.dtype.itemsize:
            raise InputError(f"{layer.file.filename} is refused: its weight {name!r} is larger than what is stored.")
        weights.append(data[()].astype(np.float32))
    ends = [name.rpartition("/")[2].removesuffix(":0") for name in names]
    if "g" not in ends:
        return weights
    gain, kernel, bias = (weights[ends.index(end)].astype(np.float64) for end in ("g", "kernel", "bias"))
    return [gain * kernel / np.sqrt(np.maximum(np.square(kernel).sum(axis=(0, 1, 2)), 1e-12)), bias]


def _text(name: "bytes | str") -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
