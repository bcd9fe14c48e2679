"""The one exception that srkit raises for things its caller can put right."""


class InputError(ValueError):
    """Something that was asked for cannot be done as given.

    The message is one line for the person who reads it: what happened, what was expected, what was received,
    what to do. The command line prints it without a traceback.
    """


class TrainingDiverged(ArithmeticError):
    """A loss became infinite or not a number; the message says at which step, and what is kept."""
