"""A run's folder: settings, history, checkpoints, pictures and weights of one training, safe against interruption."""

import io
import json
import os
import warnings
import zipfile
from pathlib import Path

import numpy as np

from srkit.errors import InputError
from srkit.images import write_atomically

_CHECKPOINTS_KEPT = 2


class RunFolder:
    """One training on disk.

    ```
    settings.json            what the run was started with
    history.jsonl            one line a step: losses, learning rate, and the scores where it was validated
    checkpoints/*.npz        the last two: all weights, optimizer state, step, best score
    pictures/*.png           LR, bicubic, SR and HR at each validation
    tensorboard/             the history as scalars
    best.weights.h5, last.weights.h5
    ```

    Args:
        path: The folder; it is made when something is first written.
    """

    def __init__(self, path: "str | os.PathLike"):
        self.path = Path(path)
        self._history = self.path / "history.jsonl"
        self._checkpoints = self.path / "checkpoints"

    def begin(self, settings: dict) -> None:
        """Writes the settings of a new run; refuses those that differ from an old one's.

        A run that has not done a step yet begins anew.

        Raises:
            InputError: They differ; the message names each difference.
        """
        settings = json.loads(json.dumps(settings))  # as they will read back: tuples are lists
        path = self.path / "settings.json"
        checkpoints = self._checkpoint_paths()
        if path.is_file() and checkpoints and self._step(checkpoints[-1]):
            old = json.loads(path.read_text(encoding="utf-8"))
            keys = sorted(key for key in {*old, *settings} if old.get(key) != settings.get(key))
            if keys:
                differences = "; ".join(f"{key}: {old.get(key)} then, {settings.get(key)} now" for key in keys)
                raise InputError(
                    f"{self.path} holds a run with other settings ({differences}). "
                    "Give the same settings to go on with it, or another run folder for a new one."
                )
        else:
            for checkpoint in checkpoints:
                checkpoint.unlink()
            text = json.dumps(settings, indent=2) + "\n"
            write_atomically(path, lambda file: file.write(text.encode()))

    def history(self) -> list[dict]:
        """The history's entries, one per step, in order."""
        if not self._history.is_file():
            return []
        lines = self._history.read_text(encoding="utf-8").splitlines()
        entries = []
        for line in lines:
            try:
                entries.append(json.loads(line))
            except json.JSONDecodeError:  # the line that was being written when the machine stopped
                break
        return entries

    def open_history(self, step: int) -> "io.TextIOWrapper":
        """Opens the history for appending, after dropping what goes beyond `step`."""
        kept = [json.dumps(entry) + "\n" for entry in self.history() if entry["step"] <= step]
        write_atomically(self._history, lambda file: file.write("".join(kept).encode()))
        return open(self._history, "a", encoding="utf-8")

    def save_checkpoint(self, step: int, arrays: dict[str, np.ndarray], extra: dict) -> None:
        """Saves a checkpoint, then deletes all but the last two. Whatever interrupts it, the one before stays whole.

        Args:
            step: Steps done.
            arrays: All state as arrays.
            extra: What else to remember, as JSON can hold it.

        Raises:
            InputError: The disk is full, or the folder may not be written.
        """
        path = self._checkpoints / f"step-{step:09}.npz"
        try:
            write_atomically(path, lambda file: np.savez(file, extra=np.array(json.dumps(extra)), **arrays))
        except OSError as error:
            raise InputError(
                f"{path} could not be written ({error.strerror or error}). What was saved before is still whole: put "
                "that right, make room if it is that, and start the same again to go on."
            ) from None
        for old in self._checkpoint_paths()[:-_CHECKPOINTS_KEPT]:
            old.unlink()

    def load_checkpoint(self) -> tuple[int, dict[str, np.ndarray], dict] | None:
        """The newest checkpoint that is whole: `(step, arrays, extra)`; None in a new run.

        Damaged ones are passed over, with a warning.
        """
        for path in reversed(self._checkpoint_paths()):
            try:
                with np.load(path) as file:  # a zip archive: each array's checksum is checked as it is read
                    arrays = {name: file[name] for name in file.files}
                extra = json.loads(str(arrays.pop("extra")))
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                warnings.warn(f"The checkpoint {path} is damaged ({error}); the one before is used.", stacklevel=2)
                continue
            return self._step(path), arrays, extra
        return None

    @staticmethod
    def _step(path: Path) -> int:
        return int(path.stem.removeprefix("step-"))

    def _checkpoint_paths(self) -> list[Path]:
        return sorted(self._checkpoints.glob("step-*.npz"))
