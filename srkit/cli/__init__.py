"""The command line: `python -m srkit`. Commands import Keras and TensorFlow when they run, not before."""

import argparse
import contextlib
import sys
import warnings
from collections.abc import Sequence

import srkit
from srkit.cli import benchmark, compare, convert, demo, export, rate, tables, train, upscale
from srkit.cli.quiet import silenced_libraries
from srkit.errors import InputError, TrainingDiverged


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        arguments: The words behind `python -m srkit`. Default: those of the process.

    Returns:
        The exit status: 0 for success, 1 for an error that was told, 130 for Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    warnings.formatwarning = lambda message, *_: f"srkit: {message}\n"
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a file's name may hold what the terminal's encoding does not
            stream.reconfigure(errors="backslashreplace")
    try:
        with silenced_libraries():
            return options.command(options) or 0
    except (InputError, TrainingDiverged) as error:
        _tell(error)
    except ModuleNotFoundError as error:
        _tell(f"The package {error.name} is missing: install it.")
    except OSError as error:
        _tell(f"{error.filename}: {error.strerror or error}" if error.filename else error.strerror or error)
    except _memory_errors():
        _tell("Memory does not suffice: try smaller or fewer crops, or a smaller network.")
    except KeyboardInterrupt as interrupt:
        print(f"\nsrkit: interrupted{f': {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 130
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m srkit", description="Single-image super-resolution.")
    parser.add_argument("--version", action="version", version=f"srkit {srkit.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (demo, upscale, compare, train, tables, benchmark, convert, export, rate):
        module.add_commands(commands)
    return parser


def _memory_errors() -> tuple[type[BaseException], ...]:
    """The errors that tell of too little memory; TensorFlow's own if it was imported."""
    tensorflow = sys.modules.get("tensorflow")
    return (MemoryError, tensorflow.errors.ResourceExhaustedError) if tensorflow else (MemoryError,)


def _tell(error: object) -> None:
    print(f"srkit: {error}", file=sys.stderr)
