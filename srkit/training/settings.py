"""What a training is given: whether it fits together, and what must stay the same for a run to go on.

`RunFolder.begin` compares it with what the run was started with, and refuses what differs.
"""

import keras

from srkit.data import MultiScalePairs, Pairs
from srkit.devices import device_name, precision_in_words
from srkit.errors import InputError
from srkit.models import fingerprint, listed
from srkit.training import optimizers


def check_steps_and_scales(steps: int, scales: tuple[int, ...], **named_pairs: "Pairs | MultiScalePairs") -> None:
    """Raises an InputError unless there are steps to do, and all pairs have the model's scales."""
    if steps < 1:
        raise InputError(f"steps must be at least 1; received {steps}.")
    for name, pairs in named_pairs.items():
        if tuple(sorted(pairs.scales)) != scales:
            raise InputError(
                f"The model upscales {listed(scales, 'x')}, but `{name}` has {listed(pairs.scales, 'x')} pairs. "
                f"Create the pairs with scale={' and '.join(map(str, scales))}."
            )


def settings_of(trainer, train: "Pairs | MultiScalePairs", valid: "Pairs | MultiScalePairs") -> dict:
    """A training's options, models and data, as JSON can hold them.

    Args:
        trainer: The trainer.
        train: The pairs to train on.
        valid: The pairs to validate on.
    """
    options = trainer.options
    settings = {"trainer": type(trainer).__name__, **options.settings(), "precision": trainer.precision}
    settings["losses"] = dict(options.losses)
    settings["global_clipnorm"] = optimizers.clipnorm_of(options)
    settings["optimizer"] = _plain(options.optimizer)
    settings["learning_rate"] = _plain(options.learning_rate)
    for name, model in trainer.models.items():
        settings[name] = getattr(model, "config", None) or {"fingerprint": fingerprint(model)}
    layers = [layer for layer in trainer.generator.layers if layer.weights]
    settings["fixed"] = [layer.name for layer in layers if not layer.trainable or layer in trainer.frozen]
    settings["networks"] = trainer.losses.fingerprint
    settings |= {"train": train.fingerprint, "valid": valid.fingerprint, "device": device_of(trainer)}
    return settings | ({"steps": trainer.steps} if optimizers.depends_on_steps(options) else {})


def device_of(trainer) -> str:
    """Where a trainer computes, such as `NVIDIA H200, bfloat16, XLA` or `the CPU, 2 cores, float32`."""
    words = [device_name(), precision_in_words(trainer.precision)]
    return ", ".join(words + ["XLA"] * trainer.uses_xla)


def _plain(value):
    """A name or number as it is; an object of Keras as its class and config."""
    if isinstance(value, str | int | float):
        return value
    config = {key: part for key, part in value.get_config().items() if key != "name"}  # Keras counts up names
    return {"class": keras.saving.get_registered_name(type(value)), **config}
