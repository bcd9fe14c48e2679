"""What calls what in a model: its operations, in the order in which they are computed."""

from typing import NamedTuple

import keras


class Call(NamedTuple):
    """One use of an operation; an operation that is shared has several.

    Attributes:
        operation: A layer, or an operation without weights such as `keras.ops.clip` or the `/` of `image / 255`.
        inputs: The numbers of the tensors that it takes.
        outputs: The numbers of the tensors that it makes.
        constants: Its other arguments, such as the 255 of `image / 255`.
    """

    operation: keras.Operation
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    constants: tuple = ()


class Graph(NamedTuple):
    """A model as a list of calls. Its tensors are numbered.

    Attributes:
        calls: From the inputs to the outputs.
        inputs: The numbers of the tensors that the model takes.
        outputs: The numbers of the tensors that it returns.
    """

    calls: list[Call]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def functional(model: keras.Model) -> keras.Model | None:
    """The model as a plain functional one with the same layers; None for a model that is program code.

    Sequential models and models of a user's own class have a graph, too, if they were given inputs and outputs.
    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    return keras.Model(_unpacked(inputs), _unpacked(outputs), name=model.name) if inputs and outputs else None


def _unpacked(tensors: list) -> list | keras.KerasTensor:
    """The only tensor of a list of one: models that were built with lists expect lists."""
    return tensors[0] if len(tensors) == 1 else tensors


def graph_of(model: keras.Model) -> Graph | None:
    """The calls of a model's operations; None for a model that is program code.

    The model's graph is rebuilt from stand-ins, so that neither the model nor its layers are changed.
    """
    original = functional(model)
    if original is None:
        return None
    calls = []

    def call(stand_in: StandIn, *args, **kwargs):
        outputs = stand_in(*args, **kwargs)
        calls.append((stand_in.operation, keras.tree.flatten((args, kwargs)), keras.tree.flatten(outputs)))
        return outputs

    copy = keras.models.clone_model(original, clone_function=StandIn, call_function=call)
    numbers = {}

    def numbered(tensors: list) -> tuple[int, ...]:
        return tuple(numbers.setdefault(id(x), len(numbers)) for x in tensors if isinstance(x, keras.KerasTensor))

    inputs = numbered(copy.inputs)
    calls = [Call(op, numbered(given), numbered(made), _constants(given)) for op, given, made in calls]
    return Graph(calls, inputs, numbered(copy.outputs))


def _constants(arguments: list) -> tuple:
    return tuple(x for x in arguments if x is not None and not isinstance(x, keras.KerasTensor))


class StandIn(keras.Operation):
    """Takes an operation's place in another graph, so that the operation itself is not connected to that graph."""

    def __init__(self, operation: keras.Operation):
        super().__init__()
        self.operation = operation

    def compute_output_spec(self, *args, **kwargs):
        return self.operation.compute_output_spec(*args, **kwargs)

    def call(self, *args, **kwargs):
        return self.operation(*args, **kwargs)
