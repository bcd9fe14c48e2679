"""Imports TensorFlow without the lines about its own internals that it writes to the terminal at start-up.

Set `TF_CPP_MIN_LOG_LEVEL=0` to read them.
"""

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def _silenced_stderr() -> Iterator[None]:
    """Sends what C++ code writes to file descriptor 2 to nowhere. Python's exceptions are raised as ever."""
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


if os.environ.get("KERAS_BACKEND", "tensorflow") == "tensorflow":
    silence = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0"
    with _silenced_stderr() if silence else contextlib.nullcontext():
        import tensorflow  # noqa: F401
