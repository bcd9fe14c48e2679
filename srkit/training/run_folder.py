"""A run's folder: settings, history, checkpoints, pictures and weights of one training, safe against interruption."""

import contextlib
import errno
import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from srkit.errors import InputError
from srkit.files import locked, write_atomically
from srkit.training.checkpoints import CheckpointFolder

_REFUSALS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_MAY_DIFFER = {"device"}  # of the settings: a run may go on elsewhere
_DIGEST_OF_PIXELS = re.compile(r"-[0-9a-f]{12}(?=/)")  # in the fingerprint of pairs


class RunFolder:
    """One training on disk.

    ```
    settings.json            what the run was started with
    history.jsonl            one line a step: losses, learning rate, and the scores where it was validated
    checkpoints/*.npz        the last two: all weights, optimizers' and callbacks' states
    pictures/*.png           LR, bicubic, SR and HR at each validation
    tensorboard/             the history as scalars, the pictures
    best.weights.h5, last.weights.h5
    best.keras, last.keras   only of a model that srkit did not build: the whole model
    ```

    Args:
        path: The folder; it is made when something is first written.

    Attributes:
        checkpoints: The run's checkpoints.

    Raises:
        InputError: The path is that of a file.
    """

    def __init__(self, path: "str | os.PathLike"):
        self.path = Path(path)
        if self.path.is_file():
            raise InputError(f"{path} is a file, but a run needs a folder: give another name.")
        self.checkpoints = CheckpointFolder(self.path / "checkpoints")
        self._history = self.path / "history.jsonl"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """While it lasts, no other process can train in the folder. The lock of a killed process is released.

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

    def is_locked(self) -> bool:
        """Whether a process trains in the folder."""
        try:
            with locked(self.path / "lock", wait=False):
                return False
        except TimeoutError:
            return True
        except (OSError, InputError):  # another user's, or on a disk that is read only or has no locks
            return False

    @contextlib.contextmanager
    def explain_write_errors(self) -> Iterator[None]:
        """Turns the system's refusal to write into an InputError that says what is safe and what to do."""
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
        if self.checkpoints.last_step():
            self._check_settings(settings, extend)
        else:
            self.checkpoints.clear()
        text = json.dumps(settings, indent=2) + "\n"
        write_atomically(self.path / "settings.json", lambda file: file.write(text.encode()))

    def _check_settings(self, settings: dict, extend: bool) -> None:
        old = self.settings
        if not old:
            raise InputError(
                f"{self.path} has checkpoints of a run, but settings.json, which says what they are of, is missing "
                "or damaged. Put it back, or give another run folder."
            )
        keys = {key for key in {*old, *settings} - _MAY_DIFFER if old.get(key) != settings.get(key)}
        if keys - ({"steps"} if extend else set()):
            differences = "; ".join(_difference(key, old.get(key), settings.get(key)) for key in sorted(keys))
            advice = " With extend=True (--extend) only the steps may differ." if keys == {"steps"} else ""
            raise InputError(
                f"{self.path} holds a run with other settings ({differences}). "
                f"Give the same settings to go on with it, or another run folder for a new one.{advice}"
            )

    def history(self) -> list[dict]:
        """The history's entries, one per step, in order."""
        if not self._history.is_file():
            return []
        entries = []
        for line in self._history.read_text(encoding="utf-8").splitlines():
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


def _difference(key: str, old: object, new: object) -> str:
    """What a setting was and what it is, in words."""
    old, new = _in_words(old), _in_words(new)
    if old == new:
        return f"{key}: other photographs, or prepared in another way"
    return f"{key}: {old} then, {new} now"


def _in_words(value: object) -> object:
    """A setting without what tells nothing to people; losses as the command line takes them."""
    if isinstance(value, dict):
        return " ".join(f"{name}={part}" for name, part in value.items())
    return _DIGEST_OF_PIXELS.sub("", value) if isinstance(value, str) else value
