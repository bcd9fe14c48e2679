"""Checkpoints as files, of which the last two are kept."""

import contextlib
import json
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

from srkit.files import write_atomically

_KEPT = 2
_DAMAGED = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)  # reading raises


class CheckpointFolder:
    """The checkpoints of a run: one `.npz` file for each, with arrays and a text of JSON.

    Args:
        path: The folder; it is made when a checkpoint is first saved.
    """

    def __init__(self, path: Path):
        self._path = path

    def paths(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self._path.glob("step-*.npz"))

    def last_step(self) -> int:
        """The number of steps done at the newest checkpoint, 0 where there is none."""
        return max(map(_step_of, self.paths()), default=0)

    def clear(self) -> None:
        """Deletes all checkpoints."""
        for path in self.paths():
            path.unlink()

    def save(self, step: int, arrays: dict[str, np.ndarray], extra: dict) -> None:
        """Saves a checkpoint. Whatever interrupts it, the one before stays whole.

        Then all but the last two are deleted, and those of later steps, which were found damaged.

        Args:
            step: Number of steps done.
            arrays: The state as arrays, by name.
            extra: What else to remember, as JSON can hold it.
        """
        path = self._path / f"step-{step:09}.npz"
        write_atomically(path, lambda file: np.savez(file, extra=np.array(json.dumps(extra)), **arrays))
        paths = self.paths()
        end = paths.index(path) + 1
        for other in paths[: max(0, end - _KEPT)] + paths[end:]:
            with contextlib.suppress(PermissionError):  # Windows deletes no open file; the next checkpoint will
                other.unlink()

    def load(self) -> tuple[int, dict[str, np.ndarray], dict] | None:
        """The newest checkpoint that is whole: `(step, arrays, extra)`; None in a new run.

        Damaged ones are passed over, with a warning.
        """
        for path in reversed(self.paths()):
            try:
                with np.load(path) as file:  # a zip archive: each array's checksum is checked as it is read
                    arrays = {name: file[name] for name in file.files}
                extra = json.loads(str(arrays.pop("extra")))
            except _DAMAGED as error:
                warnings.warn(f"The checkpoint {path} is damaged ({error}); the one before is used.", stacklevel=2)
                continue
            return _step_of(path), arrays, extra
        return None

    def load_extra(self) -> dict:
        """What the newest readable checkpoint remembers beside its arrays; empty where there is none."""
        for path in reversed(self.paths()):
            try:
                with np.load(path) as file:
                    return json.loads(str(file["extra"]))
            except _DAMAGED:
                continue
        return {}


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))
