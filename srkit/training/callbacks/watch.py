"""Signs that a training goes wrong."""

import math
import warnings

from srkit.errors import TrainingDiverged
from srkit.training.callbacks.callback import Callback

_COLLAPSED_LOSS, _COLLAPSED_STEPS = 0.01, 500
_COLOUR_SHIFT = 2  # grey levels


class FiniteWatch(Callback):
    """Ends a training whose losses are no longer finite numbers."""

    def on_step_end(self, trainer):
        if not all(math.isfinite(value) for value in trainer.entry.values()):
            raise TrainingDiverged(f"A loss is no longer a finite number: {trainer.entry}")


class CollapseWatch(Callback):
    """Warns once when the discriminator wins at each of many steps in a row."""

    def __init__(self):
        self._steps_won = 0

    def on_step_end(self, trainer):
        self._steps_won = self._steps_won + 1 if trainer.entry["d_loss"] < _COLLAPSED_LOSS else 0
        if self._steps_won == _COLLAPSED_STEPS:
            warnings.warn(
                f"The discriminator's loss has been below {_COLLAPSED_LOSS} for {_COLLAPSED_STEPS} steps (step "
                f"{trainer.step}): it tells every reconstruction from an original, and the generator learns little "
                "more from it. Try a better pretrained generator, a lower learning rate or a larger adversarial "
                "weight, in another run folder.",
                stacklevel=2,
            )

    def state(self):
        return {"steps_won": self._steps_won}

    def restore(self, state):
        self._steps_won = int(state["steps_won"])


class ColourWatch(Callback):
    """Warns when validation finds that SR's colours have left LR's."""

    def on_validation_end(self, trainer):
        shift = trainer.entry["colour_shift"]
        if shift > _COLOUR_SHIFT:
            warnings.warn(
                f"The mean colour of SR is {shift:.1f} grey levels from LR's (step {trainer.step}; up to "
                f"{_COLOUR_SHIFT} is normal). Where later validations do not bring it back, take a generator that has "
                "been pretrained for longer, or a lower learning rate, in another run folder.",
                stacklevel=2,
            )
