"""The moving average of a model's weights, smoother than the weights of any one step."""

import contextlib
from collections.abc import Iterator, Sequence

import keras
from keras import ops


class WeightAverage:
    """The exponential moving average of variables over the steps of a training.

    Args:
        variables: The variables to average.
        decay: The part of the average that each step keeps, below 1. With 0 there is no average, and nothing is done.

    Attributes:
        variables: The averages, in the order of the variables; empty if the decay is 0.
    """

    def __init__(self, variables: Sequence[keras.Variable], decay: float):
        self._decay = decay
        self._current = list(variables) if decay else []
        self.variables = [_copy(variable) for variable in self._current]

    def update(self, step) -> None:
        """Takes in the variables' values after step number `step`, a tensor, from 1."""
        # At first over few steps: of the random start, a fixed decay of 0.999 would still keep 5 % after 3,000 steps.
        step = ops.cast(step, "float32")
        decay = ops.minimum(self._decay, (1 + step) / (10 + step))
        for average, variable in zip(self.variables, self._current):
            average.assign(average * decay + variable * (1 - decay))

    def assign(self) -> None:
        """Gives the variables their averages."""
        for variable, average in zip(self._current, self.variables):
            variable.assign(average)

    @contextlib.contextmanager
    def assigned(self) -> Iterator[None]:
        """While it lasts, the variables have their averages."""
        values = [ops.convert_to_numpy(variable) for variable in self._current]
        self.assign()
        try:
            yield
        finally:
            for variable, value in zip(self._current, values):
                variable.assign(value)


def _copy(variable: keras.Variable) -> keras.Variable:
    return keras.Variable(variable, trainable=False, dtype=variable.dtype, name=f"{variable.name}_average")
