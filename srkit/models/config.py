"""How a model was built: building it again from its config, and a fingerprint that tells architectures apart."""

import hashlib
import json
from collections.abc import Mapping

import keras

from srkit.classical import METHODS, ClassicalModel
from srkit.errors import InputError
from srkit.models.architectures import MODELS
from srkit.models.architectures.discriminator import discriminator
from srkit.models.graph import Call, graph_of
from srkit.models.scales import at_scale

_OLDER_NAMES = {"hr_size": "patch_size"}  # arguments as some weight files have them
_NO_ARCHITECTURE = ("name", "dtype", "trainable", "build_config", "shared_object_id")  # keys of Keras' configs


def build_from_config(config: Mapping) -> keras.Model | ClassicalModel:
    """Builds the model of a config, as `model.config` of the builders' models has it.

    ```python
    model = build_from_config({"model": "edsr", "scale": 2, "filters": 32})
    ```

    Args:
        config: `"model"`, a name in MODELS, in `srkit.classical.METHODS` or `"discriminator"`; the builder's arguments;
            and `"at_scale"` for one scale of a model for several.

    Returns:
        The model, with new weights.

    Raises:
        InputError: This version of srkit does not have the model, or cannot build it with these arguments.
    """
    arguments = {_OLDER_NAMES.get(name, name): value for name, value in config.items()}
    name, scale = arguments.pop("model", None), arguments.pop("at_scale", None)
    builders = {**MODELS, **METHODS, "discriminator": discriminator}
    if name not in builders:
        raise InputError(f"These weights are of a model {name!r}, which this version of srkit does not have.")
    try:
        model = builders[name](**arguments)
    except InputError:
        raise
    except (TypeError, ValueError):
        raise InputError(
            f"These weights are of a model {name} with {arguments}, which this version of srkit cannot build."
        ) from None
    return model if scale is None else at_scale(model, scale)


def fingerprint(model: keras.Model) -> str:
    """A short hash of a model's architecture: models with the same one compute the same function of their weights.

    It is the hash of the model's config, or for models that srkit did not build of their layers, as `architecture`
    lists them.
    """
    config = getattr(model, "config", None)
    text = json.dumps(architecture(model) if config is None else dict(config), sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def architecture(model: keras.Model) -> list:
    """What a model computes, apart from its weights: its operations with their settings, in the order of the graph.

    Names do not count, since Keras counts those that it makes up (`conv2d_7`); nor do precisions, initial values and
    what is trainable. Of a model that is program code only its class and the shapes of its weights are known.
    """
    graph = graph_of(model)
    if graph is None:
        return [type(model).__name__, _shapes(model)]
    numbers = {}
    for call in graph.calls:
        numbers.setdefault(call.operation, len(numbers))
    inputs = [tensor.shape for tensor in model.inputs]
    return [inputs, graph.outputs, *([numbers[call.operation], *_described(call)] for call in graph.calls)]


def _described(call: Call) -> list:
    operation = call.operation
    if isinstance(operation, keras.Model):
        settings = architecture(operation)
    else:
        try:
            settings = _settings(operation.get_config())
        except NotImplementedError:  # a layer whose arguments Keras cannot save
            settings = _shapes(operation)
    return [type(operation).__name__, settings, call.inputs, call.outputs, call.constants]


def _settings(config):
    """A layer's config without what does not belong to the architecture."""
    if isinstance(config, Mapping):
        kept = (key for key in config if key not in _NO_ARCHITECTURE and not str(key).endswith("_initializer"))
        return {key: _settings(config[key]) for key in kept}
    return [_settings(value) for value in config] if isinstance(config, list | tuple) else config


def _shapes(layer: keras.Operation) -> list[tuple]:
    return [tuple(weight.shape) for weight in getattr(layer, "weights", ())]


def _plain(value) -> object:
    """What JSON has no form for: arrays as lists, everything else by its type."""
    if keras.ops.is_tensor(value) or hasattr(value, "tolist"):
        return keras.ops.convert_to_numpy(value).tolist()
    return type(value).__name__
