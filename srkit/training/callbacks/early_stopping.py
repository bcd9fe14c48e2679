"""The end of a training that no longer gets better."""

import math

from srkit.training.callbacks.callback import Callback


class EarlyStopping(Callback):
    """Stops a training after a number of validations in a row without a new best score.

    Args:
        patience: The number of validations. None: never stop.
    """

    def __init__(self, patience: int | None):
        self._patience = patience
        self._best_score = -math.inf
        self._validations_since_best = 0

    def on_train_begin(self, trainer):
        self._stop_if_out_of_patience(trainer)

    def on_validation_end(self, trainer):
        self._validations_since_best += 1
        if trainer.entry["score"] > self._best_score:
            self._best_score, self._validations_since_best = trainer.entry["score"], 0
        self._stop_if_out_of_patience(trainer)

    def _stop_if_out_of_patience(self, trainer) -> None:
        if self._patience is not None and self._validations_since_best >= self._patience:
            trainer.say(f"No validation has been better in the last {self._validations_since_best}: stopped early.")
            trainer.stop_training = True

    def state(self):
        return {"best_score": self._best_score, "validations_since_best": self._validations_since_best}

    def restore(self, state):
        self._best_score = state["best_score"]
        self._validations_since_best = int(state["validations_since_best"])
