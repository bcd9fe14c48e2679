"""Checkpoints while a training runs."""

import time

from srkit.training.callbacks.callback import Callback
from srkit.training.callbacks.history import History
from srkit.training.state import save_checkpoint

_SECONDS_BETWEEN = 300


class Checkpoints(Callback):
    """Saves the training's state: every few steps, every five minutes, at validations, and when Ctrl-C was pressed.

    It comes last, so that the other callbacks' states are those after the step. If one of them fails, the step is
    saved all the same.

    Args:
        every: Number of steps between checkpoints.
        history: The history, which is on the disk before a checkpoint that goes beyond it.
    """

    def __init__(self, every: int, history: History):
        self._every = every
        self._history = history

    def on_train_begin(self, trainer):
        self._saved_step, self._saved_at = trainer.step, time.monotonic()

    def on_step_end(self, trainer):
        is_due = trainer.step % self._every == 0 or time.monotonic() - self._saved_at > _SECONDS_BETWEEN
        if (is_due or trainer.is_interrupted) and trainer.is_call_end and not trainer.is_validated:
            self._save(trainer)

    def on_validation_end(self, trainer):
        self._save(trainer)

    def on_train_end(self, trainer):
        # Without an entry, a call was broken off; one that is not in the history was refused.
        is_whole = trainer.is_call_end and trainer.entry and trainer.entry == self._history.last_entry
        if is_whole and trainer.step > self._saved_step:
            self._save(trainer)

    def _save(self, trainer) -> None:
        self._history.flush()
        save_checkpoint(trainer)
        self._saved_step, self._saved_at = trainer.step, time.monotonic()
