"""The tensors of a file, by name, whatever form it has and wherever in it they are."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import safetensors

from srkit.errors import InputError
from srkit.models.foreign import pytorch_file
from srkit.models.foreign.keras2_file import read_layers
from srkit.models.foreign.unpickling import BFLOAT16, Tensor, as_numbers, stored_as

SUFFIXES = (".pth", ".pt", ".ckpt", ".safetensors")  # of files that are no Keras files
KERAS2_SUFFIXES = (".h5", ".hdf5")

# Where projects put a network's weights; averages of the training's weights, which are better, first.
_AVERAGES = ("params_ema", "ema_state_dict", "model_ema", "g_ema", "ema")
_PLACES = (*_AVERAGES, "params", "state_dict", "model_state_dict", "model", "generator", "netG", "net", "weights")
_MAX_DEPTH = 4  # of dicts in dicts; one may hold itself
_PREFIXES = ("module.", "_orig_mod.", "generator.", "netG.", "net_g.", "model.", "net.")
_SAFETENSORS_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": BFLOAT16}
_SAFETENSORS_TYPES |= {"I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1", "U8": "<u1", "BOOL": "<?"}


class Checkpoint(NamedTuple):
    """The tensors of a file.

    Attributes:
        tensors: By name; float32.
        place: The keys under which they were, such as `params_ema`; empty if they were not in a dict of their own.
        is_average: Whether they are an average over the steps of the training.
    """

    tensors: dict[str, np.ndarray]
    place: str
    is_average: bool

    def without_prefixes(self) -> Iterator[dict[str, np.ndarray]]:
        """The tensors under their names, and again without each prefix of wrappers (`module.`)."""
        tensors = self.tensors
        while tensors:
            yield tensors
            prefix = next((prefix for prefix in _PREFIXES if any(name.startswith(prefix) for name in tensors)), None)
            if prefix is None:
                return
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a file of PyTorch, of safetensors, or of Keras 2.

    Raises:
        InputError: It is damaged, holds more than tensors in plain containers, or no tensors.
    """
    if path.suffix == ".safetensors":
        tensors, place = _read_safetensors(path), ""
    elif path.suffix in KERAS2_SUFFIXES:
        tensors, place = read_layers(path), ""
    else:
        with pytorch_file.opened(path) as content:
            found, place = _weights_in(content)
            # Views may share a storage: all together they are not larger than the file, or something is wrong.
            if sum(tensor.size for tensor in found.values()) > path.stat().st_size:
                raise InputError(f"{path} is refused: its tensors are larger than the file.")
            tensors = {name: tensor.numpy().astype(np.float32) for name, tensor in found.items()}
    if not tensors:
        raise InputError(f"{path} holds no network's weights: a dict of tensors by name was expected.")
    return Checkpoint(tensors, place, is_average=bool(set(place.split(".")) & set(_AVERAGES)))


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        entries = safetensors.deserialize(path.read_bytes())
    except safetensors.SafetensorError as error:
        raise InputError(f"{path} is damaged, or no safetensors file: {error}") from None
    tensors = {}
    for name, entry in entries:
        if entry["dtype"] not in _SAFETENSORS_TYPES:
            raise InputError(f"{path} is refused: its tensor {name!r} is of the unknown type {entry['dtype']}.")
        dtype = _SAFETENSORS_TYPES[entry["dtype"]]
        values = as_numbers(np.frombuffer(entry["data"], stored_as(dtype)), dtype)
        tensors[name] = values.reshape(entry["shape"]).astype(np.float32)
    return tensors


def _weights_in(content: Any) -> tuple[dict[str, Tensor], str]:
    """The dict of tensors that is a network's weights, and the keys that lead to it."""
    keys = []
    while isinstance(content, Mapping) and len(keys) < _MAX_DEPTH:
        key = next((key for key in _PLACES if isinstance(content.get(key), Mapping)), None)
        if key is None:
            break
        keys.append(key)
        content = content[key]
    items = content.items() if isinstance(content, Mapping) else ()
    return {str(name): value for name, value in items if isinstance(value, Tensor)}, ".".join(keys)
