"""A run's folder: settings, history, checkpoints, pictures and weights of one training, safe against interruption."""

import contextlib
import dataclasses
import errno
import io
import json
import os
import time
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from srkit.errors import InputError
from srkit.files import locked, write_atomically

_CHECKPOINTS_KEPT = 2
_DAMAGED = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)  # reading raises
_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}


@dataclasses.dataclass
class RunStatus:
    """How far a run is: its last checkpoint's `step` of `steps`, and the `scores` of its last validation."""

    path: Path
    trainer: str
    step: int
    steps: int
    scores: dict[str, float]
    state: str
    updated: float

    @property
    def age(self) -> str:
        """How long ago the last checkpoint was written, in words."""
        seconds = time.time() - self.updated
        for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if seconds >= size:
                return f"{seconds / size:.0f} {unit} ago"
        return "now"


def list_runs(root: "str | os.PathLike" = "runs") -> list[RunStatus]:
    """The runs below a folder (or in it), by path.

    Raises:
        InputError: There is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no folder {root}: give the one that holds the runs.")
    found = {path.parent for path in root.rglob("settings.json") if (path.parent / "checkpoints").is_dir()}
    return [RunFolder(path).status() for path in sorted(found)]


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

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While it lasts, no other process can train in the folder; one that is killed gives it free.

        Raises:
            InputError: Another process trains in it, or its file system has no locks.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path / "lock", wait=False))
            except TimeoutError:
                raise InputError(
                    f"Another process is training in {self.path}: wait until it ends, or give another run folder."
                ) from None
            yield

    @contextlib.contextmanager
    def explained_errors(self) -> Iterator[None]:
        """Turns the system's refusal to write into an error that says what is safe and what to do."""
        try:
            yield
        except OSError as error:
            if error.errno not in _REFUSALS:
                raise
            what = error.strerror or str(error)
            raise InputError(
                f"{error.filename or self.path} could not be written ({what}). The checkpoints in {self.path} are "
                "still whole: put that right, make room if it is that, and start the same again to go on."
            ) from None

    @property
    def settings(self) -> dict:
        """What the run was started with; empty where that is not known."""
        path = self.path / "settings.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}

    def begin(self, settings: dict, extend: bool = False) -> None:
        """Writes the settings of a new run; refuses those that differ from an old one's.

        A run that has not done a step yet begins anew.

        Args:
            settings: As JSON can hold them.
            extend: Accept another number of steps, although the learning rate's schedule depends on it.

        Raises:
            InputError: They differ, and the message names each difference; or the old ones are gone.
        """
        settings = json.loads(json.dumps(settings))  # as they will read back: tuples are lists
        checkpoints, old = self._checkpoint_paths(), self.settings
        if checkpoints and self._step(checkpoints[-1]):
            if not old:
                raise InputError(
                    f"{self.path} has checkpoints of a run, but settings.json, which says what they are of, is missing "
                    "or damaged. Put it back, or give another run folder."
                )
            keys = {key for key in {*old, *settings} if old.get(key) != settings.get(key)}
            if keys - ({"steps"} if extend else set()):
                differences = "; ".join(f"{key}: {old.get(key)} then, {settings.get(key)} now" for key in sorted(keys))
                advice = " With extend=True (--extend) only the steps may differ." if keys == {"steps"} else ""
                raise InputError(
                    f"{self.path} holds a run with other settings ({differences}). "
                    f"Give the same settings to go on with it, or another run folder for a new one.{advice}"
                )
        else:
            for checkpoint in checkpoints:
                checkpoint.unlink()
        text = json.dumps(settings, indent=2) + "\n"
        write_atomically(self.path / "settings.json", lambda file: file.write(text.encode()))

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
        """Saves a checkpoint. Whatever interrupts it, the one before stays whole.

        Then all but the last two are deleted, and those of later steps, which were found damaged.

        Args:
            step: Steps done.
            arrays: All state as arrays.
            extra: What else to remember, as JSON can hold it.
        """
        path = self._checkpoints / f"step-{step:09}.npz"
        write_atomically(path, lambda file: np.savez(file, extra=np.array(json.dumps(extra)), **arrays))
        paths = self._checkpoint_paths()
        end = paths.index(path) + 1
        for other in paths[: max(0, end - _CHECKPOINTS_KEPT)] + paths[end:]:
            other.unlink()

    def load_checkpoint(self) -> tuple[int, dict[str, np.ndarray], dict] | None:
        """The newest checkpoint that is whole: `(step, arrays, extra)`; None in a new run.

        Damaged ones are passed over, with a warning.
        """
        for path in reversed(self._checkpoint_paths()):
            try:
                with np.load(path) as file:  # a zip archive: each array's checksum is checked as it is read
                    arrays = {name: file[name] for name in file.files}
                extra = json.loads(str(arrays.pop("extra")))
            except _DAMAGED as error:
                warnings.warn(f"The checkpoint {path} is damaged ({error}); the one before is used.", stacklevel=2)
                continue
            return self._step(path), arrays, extra
        return None

    def status(self) -> "RunStatus":
        """What can be said of the run without loading it."""
        checkpoints = self._checkpoint_paths()
        extra = {}
        for path in reversed(checkpoints):
            with contextlib.suppress(*_DAMAGED), np.load(path) as file:
                extra = json.loads(str(file["extra"]))
                break
        step = self._step(checkpoints[-1]) if checkpoints else 0
        steps = extra.get("steps", 0)
        return RunStatus(
            path=self.path,
            trainer=self.settings.get("trainer", "?"),
            step=step,
            steps=steps,
            scores=extra.get("scores", {}),
            state="running" if self._is_locked() else "finished" if steps and step >= steps else "stopped",
            updated=max((path.stat().st_mtime for path in checkpoints), default=0.0),
        )

    def _is_locked(self) -> bool:
        try:
            with locked(self.path / "lock", wait=False):
                return False
        except TimeoutError:
            return True
        except (OSError, InputError):  # another user's, or on a disk that is read only or has no locks
            return False

    @staticmethod
    def _step(path: Path) -> int:
        return int(path.stem.removeprefix("step-"))

    def _checkpoint_paths(self) -> list[Path]:
        return sorted(self._checkpoints.glob("step-*.npz"))
