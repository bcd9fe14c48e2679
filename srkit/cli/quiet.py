"""Silence of the C and C++ libraries that write to the terminal on their own: TensorFlow, OpenCV, libpng, libtiff."""

import contextlib
import faulthandler
import os
import sys
from collections.abc import Iterator

from srkit.backend import check_tensorflow


def import_tensorflow() -> None:
    """Imports TensorFlow without its lines on itself. Each command that needs TensorFlow calls this first.

    Raises:
        InputError: Keras' settings do not suit.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow  # noqa: F401

    check_tensorflow()


@contextlib.contextmanager
def silenced_libraries() -> Iterator[None]:
    """Discards what libraries write to file descriptor 2 while it lasts. What Python writes to `sys.stderr` is shown.

    The environment variable `TF_CPP_MIN_LOG_LEVEL=0` shows their lines.
    """
    with contextlib.ExitStack() as stack:
        if os.environ.get("TF_CPP_MIN_LOG_LEVEL") != "0":
            with contextlib.suppress(OSError):  # it is closed
                kept = os.dup(2)
                stack.callback(os.close, kept)
                _discard_all_but_python(kept, stack)
        yield


def _discard_all_but_python(kept: int, stack: contextlib.ExitStack) -> None:
    """Sends descriptor 2 nowhere and `sys.stderr` to a copy of what it was, until the stack is closed."""
    stderr = sys.stderr
    with contextlib.suppress(AttributeError, OSError, ValueError):  # Python's own may lead elsewhere already
        if stderr.fileno() == 2:
            stderr.flush()
            stack.callback(setattr, sys, "stderr", stderr)
            sys.stderr = stack.enter_context(
                os.fdopen(kept, "w", 1, stderr.encoding, "backslashreplace", closefd=False)
            )
    if not faulthandler.is_enabled():  # a crash inside a library is told all the same
        faulthandler.enable(kept)
        stack.callback(faulthandler.disable)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    stack.callback(os.dup2, kept, 2)
