"""Training steps as calls of a compiled function, each of which does one step or many."""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from srkit.devices import gpus
from srkit.training.options import TrainOptions

_STEPS_PER_CALL_ON_A_GPU = 50


def uses_xla(options: TrainOptions) -> bool:
    """Whether XLA compiles the steps."""
    return bool(gpus()) if options.jit_compile == "auto" else options.jit_compile


class StepCalls:
    """Does a trainer's steps, one or many in a call: between those of a call nothing waits for Python.

    The number of steps in a call does not change what they compute.

    Args:
        trainer: The trainer. Its `train_step` is called with one batch after another.
        optimizers: The trainer's optimizers.
    """

    def __init__(self, trainer, optimizers: Sequence):
        self._trainer = trainer
        self._optimizers = optimizers
        self._names: list[str] = []
        self._longest = trainer.options.steps_per_call
        if self._longest == "auto":
            self._longest = _STEPS_PER_CALL_ON_A_GPU if gpus() else 1
        if len(trainer.scales) > 1:  # batches differ in shape
            self._longest = 1

    def length(self, step: int) -> int:
        """How many steps the call after `step` does: a call ends at each validation, checkpoint, and the last step."""
        options = self._trainer.options
        ends = [every - step % every for every in (options.evaluate_every, options.checkpoint_every)]
        return min(self._longest, self._trainer.steps - step, *ends)

    def __call__(self, batches: Iterator, learning_rates: Sequence[float]) -> list[dict[str, float]]:
        """Does a call.

        Args:
            batches: Batches of a dataset, from which the next ones are taken.
            learning_rates: The learning rate of each of its steps.

        Returns:
            What `train_step` returned, for each step.
        """
        rates = tf.constant(learning_rates, tf.float32)
        values = self._step(next(batches), rates[0])[None] if self._longest == 1 else self._steps(batches, rates)
        return [dict(zip(self._names, row)) for row in values.numpy().tolist()]

    @tf.function(autograph=False)
    def _steps(self, batches: Iterator, rates: tf.Tensor) -> tf.Tensor:
        def step(rate: tf.Tensor) -> tf.Tensor:
            return self._step(next(batches), rate)

        return tf.map_fn(step, rates, fn_output_signature=tf.float32, parallel_iterations=1)

    def _step(self, batch: tuple, rate: tf.Tensor) -> tf.Tensor:
        """One step. Its values come as one tensor, which a single transfer brings to Python."""
        for optimizer in self._optimizers:
            optimizer.learning_rate = rate
        values = self._trainer.train_step(*batch)
        self._names = list(values)
        return tf.stack([tf.cast(value, tf.float32) for value in values.values()])
