"""Imports TensorFlow without the lines about its own internals that it writes to the terminal at start-up."""

import contextlib
import os
from collections.abc import Iterator

from srkit.backend import check_tensorflow


def import_tensorflow() -> None:
    """Imports TensorFlow in silence. Each command that needs TensorFlow calls this first.

    The environment variable `TF_CPP_MIN_LOG_LEVEL=0` shows the lines.

    Raises:
        InputError: Keras' settings do not suit.
    """
    silent = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0"
    with _silenced_stderr() if silent else contextlib.nullcontext():
        import tensorflow  # noqa: F401

        check_tensorflow()


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Discards what C++ code writes to file descriptor 2. Exceptions of Python pass."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
