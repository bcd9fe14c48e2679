"""A training's whole state by name: saved, restored, and shared between workers."""

import re
from collections.abc import Iterable, Mapping

import keras
import numpy as np

from srkit.errors import InputError
from srkit.training.distribution import broadcast_from_chief, num_workers
from srkit.training.weight_average import WeightAverage


def variables_of(
    models: Mapping[str, keras.Model], optimizers: Mapping[str, keras.optimizers.Optimizer], average: WeightAverage
) -> dict[str, keras.Variable]:
    """All variables that training changes, by a name for each."""
    found = {}
    for name, model in models.items():
        names = names_of(model.variables)
        found |= {f"{name}/{key}": variable for key, variable in names.items()}
        slots = optimizer_names(optimizers[name], names)
        found |= {f"{name}_optimizer/{key}": variable for key, variable in slots.items()}
    names = names_of(models["generator"].variables)
    return found | {f"average/{key}": variable for key, variable in zip(names, average.variables)}


def save_checkpoint(trainer) -> None:
    """Saves a trainer's state in its run, unless a value in it is not finite: then the last good one stays."""
    arrays = {name: keras.ops.convert_to_numpy(variable) for name, variable in trainer.variables.items()}
    if all(np.isfinite(array).all() for array in arrays.values()):
        states = {name: callback.state() for name, callback in _named(trainer.callbacks).items()}
        states = {name: numbers for name, numbers in states.items() if numbers}
        extra = {"steps": trainer.steps, "scores": trainer.scores, "callbacks": states}
        trainer.run.checkpoints.save(trainer.step, arrays, extra)


def restore_checkpoint(trainer) -> bool:
    """Brings a trainer back to its run's newest checkpoint. Returns False where there is none.

    Raises:
        InputError: The checkpoint is of another model.
    """
    checkpoint = trainer.run.checkpoints.load()
    if checkpoint is None:
        return False
    step, arrays, extra = checkpoint
    shapes = {name: tuple(variable.shape) for name, variable in trainer.variables.items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise InputError(f"The checkpoint in {trainer.run.path} is of another model: give another run folder.")
    for name, variable in trainer.variables.items():
        variable.assign(arrays[name])
    trainer.step, trainer.scores = step, extra["scores"]
    for name, callback in _named(trainer.callbacks).items():
        if name in extra["callbacks"]:
            callback.restore(extra["callbacks"][name])
    return True


def sync_with_chief(trainer) -> None:
    """Gives every worker the chief's step, variables and callbacks' states."""
    if num_workers(trainer.strategy) == 1:
        return
    states = [callback.state() for callback in trainer.callbacks]
    progress = np.array([trainer.step, *(value for state in states for value in state.values())])
    variables = list(trainer.variables.values())
    values = [keras.ops.convert_to_numpy(variable) for variable in variables]
    progress, *values = broadcast_from_chief(trainer.strategy, [progress, *values])
    trainer.step, numbers = int(progress[0]), iter(progress[1:].tolist())
    for callback, state in zip(trainer.callbacks, states):
        callback.restore({name: next(numbers) for name in state})
    for variable, value in zip(variables, values):
        variable.assign(value)


def names_of(variables: Iterable[keras.Variable]) -> dict[str, keras.Variable]:
    """A model's variables by names that are the same whenever the model is built.

    A name is the variable's path. Numbers that Keras has counted up (`conv2d_7`) are replaced by others that depend
    only on the order of the variables.
    """
    names, numbers = {}, {}

    def renumbered(part: str) -> str:
        base = re.sub(r"_\d+$", "", part)
        seen = numbers.setdefault(base, {})
        number = seen.setdefault(part, len(seen))
        return f"{base}#{number}" if number else base

    for variable in variables:
        name = "/".join(map(renumbered, variable.path.split("/")))
        while name in names:
            name += "'"
        names[name] = variable
    return names


def optimizer_names(
    optimizer: keras.optimizers.Optimizer, names: dict[str, keras.Variable]
) -> dict[str, keras.Variable]:
    """An optimizer's variables by name: that of the model's variable that they belong to, and what they are for.

    Args:
        optimizer: The optimizer.
        names: The model's variables by name (see `names_of`).
    """
    # Keras names them after the variable's path, with "_" for "/".
    owners = {f"{variable.path.replace('/', '_')}_": name for name, variable in names.items()}
    found = {}
    for variable in optimizer.variables:
        path = variable.path.split("/")[-1]
        owner = max((owner for owner in owners if path.startswith(owner)), key=len, default=None)
        name = path if owner is None else f"{owners[owner]}/{path.removeprefix(owner)}"
        while name in found:
            name += "'"
        found[name] = variable
    return found


def _named(callbacks: Iterable) -> dict:
    """Callbacks by their class's name; several of one class are numbered."""
    named = {}
    for callback in callbacks:
        name = type(callback).__name__
        count = sum(type(other) is type(callback) for other in named.values())
        named[f"{name}#{count}" if count else name] = callback
    return named
