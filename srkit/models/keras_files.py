"""Files that hold a whole Keras model: `.keras`, and `.h5` as older programs save it."""

import contextlib
import json
import re
import sys
import tempfile
import types
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5py
import keras
import numpy as np

from srkit.errors import InputError
from srkit.files import replacing
from srkit.models.layers import enlarged_shape
from srkit.models.precision import computing_in

_OTHER_KINDS = {
    ".onnx": "an ONNX file",
    ".tflite": "a TFLite file",
    ".pb": "a TensorFlow graph",
}
_ADVICE = "srkit takes Keras models: save it with model.save('NAME.keras') in the program that made it, and give that."
_LAMBDA = "Lambda"
DAMAGED = (  # what h5py, zipfile and Keras raise on damaged files
    *(OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, EOFError),
    *(zipfile.BadZipFile, zlib.error),
)
_RUN_WEIGHTS = ("best.keras", "best.weights.h5")  # by preference


def load_keras_model(path: Path, trust: bool) -> keras.Model:
    """Loads a whole Keras model.

    Args:
        path: A `.keras` file, or an `.h5` file for which `is_whole_model` holds.
        trust: Whether to load one that holds program code (a Lambda layer).

    Raises:
        InputError: It is damaged, holds program code that is not trusted, or needs a class whose code is not there.
    """
    has_code = _LAMBDA in _class_names(path)
    if has_code and not trust:  # asked here, since Keras before 3.11 runs an .h5 file's code unasked
        raise _untrusted(path)
    try:
        with _with_lambdas(path) if has_code and path.suffix == ".keras" else contextlib.nullcontext(path) as file:
            return keras.models.load_model(file, {_LAMBDA: _Lambda}, compile=False, safe_mode=not trust)
    except Exception as error:  # Keras raises many kinds
        text = str(error)
        if "safe_mode" in text:
            raise _untrusted(path) from None
        if missing := re.search(r"(?:Could not locate (?:class|function)|Unknown layer:) '(\w+)'", text):
            raise InputError(
                f"{path} cannot be loaded: it needs {missing[1]}, whose program code is not in the file. Load it in "
                f"Python, after the import of that code, and give the model itself to srkit.upscale.{_or_weights(path)}"
            ) from None
        reason = (text.strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} cannot be loaded as a Keras model: {reason}") from None


def save_keras_model(model: keras.Model, path: Path) -> None:
    """Saves a whole model as `.keras`, with layers that compute in float32. The file appears whole or not at all."""
    with replacing(path, ending=".keras") as temporary, computing_in(model, "float32"):
        model.save(temporary)


def is_whole_model(file: h5py.File) -> bool:
    """Whether an HDF5 file holds a model's layers, not its weights alone."""
    return "model_config" in file.attrs


def resolved(path: Path) -> Path:
    """The path of a model's file: of a run's folder, its best weights.

    Raises:
        InputError: It is a folder or a file of another kind; the message says of which, and what to give instead.
    """
    if path.is_dir():
        for name in _RUN_WEIGHTS:
            if (path / name).is_file():
                return path / name
        if (path / "saved_model.pb").is_file():
            raise InputError(f"{path} is a SavedModel, which is a program, not a Keras model. {_ADVICE}")
        raise InputError(f"{path} is a folder without a run's weights: give the path of a .keras or .h5 file.")
    if kind := _OTHER_KINDS.get(path.suffix.lower()):
        raise InputError(f"{path} is {kind}, not a Keras model. {_ADVICE}")
    return path


def _untrusted(path: Path) -> InputError:
    return InputError(
        f"{path} cannot be loaded as a Keras model: it holds program code (a Lambda layer), which could do "
        "anything on this machine. If you trust where it comes from: upscale --trust, or load_model(…, trust=True)."
        f"{_or_weights(path)}"
    )


def _or_weights(path: Path) -> str:
    """The advice to leave the layers of an `.h5` file aside."""
    return "" if path.suffix == ".keras" else " Or: convert takes its weights alone, if it knows their network."


def _class_names(path: Path) -> set[str]:
    """The classes that a file names for the model and its layers."""
    names = set()

    def note(config: dict) -> None:
        names.add(str(config.get("class_name")))

    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                json.loads(file.read("config.json"), object_hook=note)
        else:
            with h5py.File(path) as file:
                json.loads(file.attrs["model_config"], object_hook=note)
    except DAMAGED:
        raise InputError(f"{path} is damaged or cut short, or no {path.suffix} file of a model.") from None
    return names


@contextlib.contextmanager
def _with_lambdas(path: Path) -> Iterator[Path]:
    """A copy of a `.keras` file that Keras loads with `_Lambda`: of its own layers it takes no other class."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                if name == "config.json":
                    content = json.dumps(json.loads(content, object_hook=_renamed)).encode()
                new.writestr(name, content)
        yield copy


def _renamed(config: dict) -> dict:
    is_lambda = config.get("class_name") == _LAMBDA and "registered_name" in config
    return {**config, "module": None, "registered_name": _LAMBDA} if is_lambda else config


class _Lambda(keras.layers.Lambda):
    """A Lambda layer from a file: the usual names are there, and its shape is found by running it once on zeros.

    In a file there is only a function's code, without what its program had imported.
    """

    def __init__(self, function, **kwargs):
        if isinstance(function, types.FunctionType) and function.__name__ == "<lambda>":
            usual = {"keras": keras, "ops": keras.ops, "layers": keras.layers, "K": keras.backend, "np": np}
            usual |= {"tf": sys.modules.get("tensorflow")}
            names = {**usual, **function.__globals__}
            function = types.FunctionType(
                function.__code__, names, function.__name__, function.__defaults__, function.__closure__
            )
        super().__init__(function, **kwargs)

    def compute_output_shape(self, input_shape):
        try:
            return super().compute_output_shape(input_shape)
        except NotImplementedError:
            side = 8
            zeros = keras.ops.zeros([1, *(length or side for length in input_shape[1:])], self.compute_dtype)
            shape = keras.ops.shape(self(zeros))
            scale = shape[1] // side if input_shape[1] is None else shape[1] // input_shape[1]
            return enlarged_shape(input_shape, scale, shape[-1])
