"""`srkit.export`: a model as a file for other programs, with a card of what they must know."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

import srkit
from srkit.classical import ClassicalModel
from srkit.errors import InputError, needs_extra
from srkit.exporting.formats import check_format
from srkit.exporting.network import frozen
from srkit.exporting.tflite import converted, quantized
from srkit.files import replace, write_atomically
from srkit.inference.receptive_field import grid_px, receptive_field_px
from srkit.models import PRESETS, at_scale, load_model, save_keras_model, scale_of

_OPSET = 17  # of ONNX: what runtimes since 2022 know


def export(
    model: "keras.Model | str | os.PathLike",
    path: "str | os.PathLike",
    format: str,
    *,
    precision: str = "float32",
    uint8: bool = False,
    scale: int | None = None,
    overwrite: bool = False,
) -> dict:
    """Writes a model for other programs, which then need neither srkit nor, but for SavedModel, TensorFlow.

    It takes images of any height and width, (batch, height, width, 3), RGB in [0, 255], and returns them `scale` times
    as large. Batch norms are part of the convolutions before them. Beside it, `PATH.json` is its card: what the input
    and the output are, the scale, by how many pixels tiles must overlap, the licence of the weights.

    ```python
    card = srkit.export("edsr-small-x4", "small.onnx", "onnx")
    ```

    Args:
        model: A model of srkit's or any that `load_model` gives, or what `load_model` takes.
        path: The file; for SavedModel the folder. `.tflite`, `.onnx` and `.keras` are the ends of the files' names.
        format: `"savedmodel"`, `"tflite"`, `"onnx"`, or `"keras"`, which needs `import srkit.models` before it is
            loaded, and keeps batch norms, so that it can be trained on.
        precision: For TFLite, `"half"` keeps weights in float16, and `"int8"` has weights and features in 8 bits, their
            ranges calibrated on the sample photographs (`pip install 'srkit[data]'`); the card then has its PSNR beside
            float32's.
        uint8: Whether images are uint8, and the result is rounded. By default both are float32, and the result is
            neither clipped nor rounded.
        scale: One scale of a model for several, such as `mdsr`.
        overwrite: Whether to replace what is at `path`.

    Returns:
        The card.

    Raises:
        InputError: There is no such model or format, the model cannot be exported, the path's end does not suit, it is
            taken, or a package is missing.
    """
    path = Path(path)
    check_format(format, path.name, precision, uint8)
    card_path = path.with_name(f"{path.name}.json")
    for there in (path, card_path):
        if there.exists() and not overwrite:
            raise InputError(f"{there} is already there: give another name, or overwrite.")
    source = None if isinstance(model, keras.Model | ClassicalModel) else str(model)
    model = load_model(model) if source else model
    if isinstance(model, ClassicalModel):
        raise InputError(f"{source or model.name} is no network: networks can be exported.")
    model = model if scale is None else at_scale(model, scale)
    card = _card(model, source, format, precision, uint8)
    if format == "keras":
        save_keras_model(model, path)
    else:
        card |= _write(frozen(model, uint8), path, format, precision, card["scale"])
    text = json.dumps(card, indent=2, ensure_ascii=False)
    write_atomically(card_path, lambda file: file.write(text.encode()))
    return card


def _write(module: tf.Module, path: Path, format: str, precision: str, scale: int) -> dict:
    """Writes the file, and returns what is to be added to its card."""
    if format == "savedmodel":
        with _replacing_folder(path) as temporary:
            tf.saved_model.save(module, temporary, signatures=module.upscale)
        return {}
    added = {}
    if format == "onnx":
        content = _onnx(module)
    elif precision == "int8":
        content, added = quantized(module, scale)
    else:
        content = converted(module, precision)
    write_atomically(path, lambda file: file.write(content))
    return added


def _onnx(module: tf.Module) -> bytes:
    with needs_extra("export"):
        import tf2onnx
    (lr,) = module.upscale.input_signature
    converted_model, _ = tf2onnx.convert.from_function(module.upscale, (lr,), opset=_OPSET)
    return converted_model.SerializeToString()


def _card(model: keras.Model, source: str | None, format: str, precision: str, uint8: bool) -> dict:
    dtype = "uint8" if uint8 else "float32"
    rounded = "rounded" if uint8 else "neither clipped nor rounded"
    return {
        "made_by": f"srkit {srkit.__version__}",
        "model": source or model.name,
        "config": dict(getattr(model, "config", {})),
        "licence": "Apache-2.0" if source in PRESETS else "that of the weights' authors",
        "format": format,
        "precision": precision,
        "input": {"name": "lr", "type": dtype, "shape": "batch, height, width, 3", "values": "RGB, 0 to 255"},
        "output": {"name": "sr", "type": dtype, "values": f"RGB, 0 to 255, {rounded}"},
        "scale": scale_of(model),
        "tile_overlap_px": receptive_field_px(model),
        "tile_grid_px": grid_px(model),
    }


@contextlib.contextmanager
def _replacing_folder(path: Path) -> Iterator[str]:
    """Gives a temporary folder, which takes the place of the SavedModel at `path`, if there is one.

    Raises:
        InputError: At `path` there is something else.
    """
    if path.exists() and not (path / "saved_model.pb").is_file():
        raise InputError(f"{path} is there and is no SavedModel: give another name.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}.", dir=path.parent) as folder:
        new, old = Path(folder) / "new", Path(folder) / "old"
        yield str(new)
        if path.exists():
            replace(path, old)
        replace(new, path)
