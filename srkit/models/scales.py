"""The scales of a model: most have one; some, such as MDSR, have several of which one is chosen."""

import threading
import weakref
from collections.abc import Iterable

import keras

from srkit.classical import ClassicalModel
from srkit.errors import InputError
from srkit.models.shapes import enlargement_of

_models_at_scale: "weakref.WeakKeyDictionary[keras.Model, dict[int, keras.Model]]" = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def scales_of(model: keras.Model) -> tuple[int, ...]:
    """All factors by which a model can enlarge an image: one, or several for models like `mdsr`.

    Raises:
        InputError: The model does not map an RGB image to a larger one.
    """
    outputs = _outputs(model)
    return tuple(sorted(outputs)) if outputs else (scale_of(model),)


def scale_of(model: keras.Model | ClassicalModel) -> int:
    """The factor by which a model enlarges an image.

    Raises:
        InputError: The model does not map an RGB image to a larger one, or does so at several scales.
    """
    if outputs := _outputs(model):
        raise InputError(
            f"{model.name} has the scales {listed(outputs)}: choose one with scale=…, or with "
            "srkit.models.at_scale(model, scale)."
        )
    if isinstance(model, ClassicalModel):
        return model.scale
    return enlargement_of(model, 3)


def enlarging_scale_of(model: keras.Model) -> int:
    """The factor by which a model enlarges an image, 2 or more.

    Raises:
        InputError: The model is not one for super-resolution, or it keeps the size.
    """
    scale = scale_of(model)
    if scale < 2:
        raise InputError(f"{model.name} does not enlarge: a model of scale 2 or more is needed.")
    return scale


def at_scale(model: keras.Model, scale: int) -> keras.Model:
    """One scale of a model for several: it shares the weights, and computes that scale's branch only.

    ```python
    x3 = at_scale(mdsr(), 3)
    ```

    Args:
        model: A model whose output is a dict with a key like `"x2"` for each scale, such as `mdsr`.
        scale: One of its scales.

    Returns:
        A model from `(batch, height, width, 3)` to `(batch, height * scale, width * scale, 3)`: the same one each time.

    Raises:
        InputError: The model does not have the scale, or has one scale only.
    """
    outputs = _outputs(model)
    if not outputs:
        raise InputError(f"{model.name} has one scale only, x{scale_of(model)}: use it as it is, without at_scale.")
    if scale not in outputs:
        raise InputError(f"{model.name} has the scales {listed(outputs)}; received {scale}.")
    with _lock:
        models = _models_at_scale.setdefault(model, {})
        if scale not in models:
            models[scale] = keras.Model(model.input, outputs[scale], name=f"{model.name}_x{scale}")
            if hasattr(model, "config"):
                models[scale].config = {**model.config, "at_scale": scale}
        return models[scale]


def _outputs(model: keras.Model) -> dict[int, keras.KerasTensor]:
    """The outputs of a model for several scales, by scale; empty for other models."""
    outputs = getattr(model, "output", None)
    if not isinstance(outputs, dict) or not all(name[:1] == "x" and name[1:].isdecimal() for name in outputs):
        return {}
    return {int(name[1:]): output for name, output in outputs.items()}


def listed(scales: Iterable[int], before: str = "") -> str:
    """Scales as messages name them, each with a sign before it.

    >>> listed({4, 2, 3}, before="x")
    'x2, x3, x4'
    """
    return ", ".join(f"{before}{scale}" for scale in sorted(scales))
