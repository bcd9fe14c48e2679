"""The history of a run as a file."""

import json
import os

from srkit.training.callbacks.callback import Callback


class History(Callback):
    """Writes each step's entry as a line of `history.jsonl`.

    Attributes:
        last_entry: The entry that was written last.
    """

    def __init__(self):
        self.last_entry: dict[str, float] = {}

    def on_train_begin(self, trainer):
        self._file = trainer.run.open_history(trainer.step)

    def on_step_end(self, trainer):
        self._file.write(json.dumps(trainer.entry) + "\n")
        self.last_entry = trainer.entry

    def flush(self) -> None:
        """Has all lines safely on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def on_train_end(self, trainer):
        self._file.close()
