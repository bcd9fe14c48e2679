"""What srkit raises, and checks that raise it."""

import contextlib
from collections.abc import Iterator


class InputError(ValueError):
    """Something that was asked for cannot be done as given.

    The message is one line for the person who reads it: what happened, what was expected, what was received,
    what to do. The command line prints it without a traceback.
    """


class TrainingDiverged(ArithmeticError):
    """A loss became infinite or not a number; the message says at which step, and what is kept."""


def check_choice(name: str, value: object, choices: tuple) -> None:
    """Raises an InputError unless `value` is one of `choices`."""
    if value not in choices:
        raise InputError(f"There is no {name} {value!r}: use one of {', '.join(map(str, choices))}.")


@contextlib.contextmanager
def needs_extra(extra: str) -> Iterator[None]:
    """Raises an InputError that says what to install, if a package of one of srkit's extras is missing.

    ```python
    with needs_extra("data"):
        import tensorflow_datasets
    ```
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(f"The package {error.name} is missing: pip install 'srkit[{extra}]'.") from None
