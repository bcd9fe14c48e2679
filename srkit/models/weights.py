"""Model files: presets, `.keras`, `.weights.h5`, legacy `.h5`, and those of other projects."""

import difflib
import io
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path

import h5py
import keras
import numpy as np

from srkit.classical import UNTRAINED, ClassicalModel
from srkit.errors import InputError
from srkit.files import replacing
from srkit.models.adapting import adapted
from srkit.models.architectures import MODELS
from srkit.models.config import build_from_config
from srkit.models.foreign import SUFFIXES, open_foreign
from srkit.models.keras_files import DAMAGED, is_whole_model, load_keras_model, resolved
from srkit.models.presets import MODEL_NAMES, PRESETS, preset_path

_CONFIG = "srkit_recipe"  # the attribute of an .h5 file that holds its model's config


def load_model(
    source: "str | os.PathLike", model: keras.Model | None = None, trust: bool = False
) -> keras.Model | ClassicalModel:
    """Loads a super-resolution model.

    ```python
    model = load_model("edsr-x4")
    model.save_weights("plain.weights.h5")  # Keras' own way: the file does not know its model
    model = load_model("plain.weights.h5", model=edsr(scale=4))
    ```

    Args:
        source: The name of a preset, or of a model without weights, such as `"selfexsr-x4"`; or the path of a `.keras`
            file, of an `.h5` file with a whole model, of a `.weights.h5` file, of a run's folder, for its best weights,
            or of weights that other projects trained: PyTorch's `.pth`, `.pt` and `.ckpt`, `.safetensors`, weights-only
            `.h5` files of Keras 2.
        model: The model to load Keras' weights into. Those that srkit saved do not need it, nor do those of other
            projects that are recognised; for others the default is `srresnet(scale=4)`, if they fit it.
        trust: Whether to load a file that holds program code (a Lambda layer). Such code can do anything on this
            machine.

    Returns:
        The model, from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`, RGB in [0, 255]. One
        from elsewhere may be for one channel, or for values in [0, 1] or [-1, 1]: see `srkit.models.adapted`. A
        discriminator's preset gives the discriminator, and those of classical methods give a `ClassicalModel`, which
        has no layers.

    Raises:
        InputError: There is no such preset or file, it is damaged, or it does not fit the model.
    """
    if str(source) in UNTRAINED:
        return build_from_config(UNTRAINED[str(source)])
    if str(source) in PRESETS:
        path = preset_path(str(source))
    else:
        path = resolved(Path(source))
        if not path.is_file():
            raise _no_such_model(source)
    if path.suffix == ".keras":
        return adapted(load_keras_model(path, trust))
    if path.suffix in SUFFIXES:
        return _load_foreign(path, model)
    if path.suffix not in (".h5", ".hdf5"):
        known = ", ".join((".keras", ".weights.h5", ".h5", *SUFFIXES))
        raise InputError(f"{path} is no model file: {known} are known.")
    try:
        with h5py.File(path) as file:
            config = dict(json.loads(file.attrs.get(_CONFIG, "{}")))
            legacy = "layer_names" in file.attrs or "model_weights" in file
            is_whole = is_whole_model(file)
            num_values = _num_values(file)
    except DAMAGED:
        raise InputError(f"{path} is damaged, or no HDF5 file.") from None
    if model is None and is_whole:
        return adapted(load_keras_model(path, trust))
    if model is None and legacy:
        return _load_foreign(path, model)
    if model is None:
        model = build_from_config(config) if config else _unnamed_model(path, num_values)
    _load_weights(model, path, legacy, num_values)
    return model


def save_weights(model: keras.Model | ClassicalModel, path: "str | os.PathLike", half: bool = False) -> None:
    """Saves a model's weights as `.weights.h5`, with the config by which `load_model` builds the model.

    The file appears whole or not at all.

    ```python
    save_weights(model, "mine.weights.h5")
    model = load_model("mine.weights.h5")
    ```

    Args:
        model: The model.
        path: A path whose name ends in `.weights.h5`. Its folder is made if need be.
        half: Whether to save float16, compressed, in less than half of the room. Values that float16 cannot hold stay
            float32.

    Raises:
        InputError: The name does not end in `.weights.h5`.
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


def _no_such_model(source: "str | os.PathLike") -> InputError:
    near = difflib.get_close_matches(str(source), MODEL_NAMES, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return InputError(
        f"There is no model {source}: give the path of a file of weights, or one of {', '.join(MODEL_NAMES)}.{hint}"
    )


def _unnamed_model(path: Path, num_values: int) -> keras.Model:
    """The model of weights that do not name it: `srresnet` if they may be its."""
    model = MODELS["srresnet"](scale=4)
    if num_values == model.count_params():
        return model
    whole = path.with_name(path.name.removesuffix(".h5").removesuffix(".weights") + ".keras")
    advice = (
        f"Take {whole}, which holds the model, too" if whole.is_file() else "Save it whole, by model.save('NAME.keras')"
    )
    raise InputError(
        f"{path} holds weights alone, and not of a model of srkit's. {advice}; or give the model in Python, by "
        "load_model(…, model=…)."
    )


def _load_foreign(path: Path, model: keras.Model | None) -> keras.Model:
    if model is not None:
        raise InputError(f"{path} says itself what model it is of: leave model=… out.")
    opened = open_foreign(path)
    for remark in opened.remarks:
        warnings.warn(remark, stacklevel=3)
    return opened.model


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
        except DAMAGED as error:
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


def _num_values(file: h5py.File) -> int:
    """How many numbers a file of weights holds, an optimizer's state left out."""
    sizes = []

    def visit(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and not name.startswith("optimizer"):
            sizes.append(item.size)

    file.visititems(visit)
    return sum(sizes)
