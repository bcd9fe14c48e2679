"""From a dataclass of options to options of the command line, and back."""

import argparse
import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from srkit.errors import InputError
from srkit.image import DEGRADATION_NAMES, SCALES
from srkit.options import default_of, help_of

Options = TypeVar("Options")


def add_scale(parser: argparse._ActionsContainer) -> None:
    """Adds `--scale`, which is 4 by default."""
    parser.add_argument(
        "--scale", type=int, default=4, choices=SCALES, help="Size of HR over LR. Default: %(default)s."
    )


def add_degradation(parser: argparse._ActionsContainer, remark: str = "") -> None:
    """Adds `--degradation`, with a remark in its help."""
    names = " ".join(filter(None, [f"{DEGRADATION_NAMES}.", remark]))
    parser.add_argument(
        "--degradation", default="bicubic", metavar="NAME", help=f"How LR is made: {names} Default: %(default)s."
    )


def add_options(parser: argparse.ArgumentParser, options: type) -> None:
    """Adds the fields of a dataclass to a parser, in groups.

    Args:
        parser: The parser of a command.
        options: A dataclass whose fields are made by `srkit.options.option`. A field that is not is left out.
    """
    groups = {}
    for field in dataclasses.fields(options):
        if "help" in field.metadata:
            name = field.metadata["group"]
            group = groups[name] = groups.get(name) or parser.add_argument_group(name)
            group.add_argument(flag(field), dest=field.name, **_argument(field))


def read_options(arguments: argparse.Namespace, options: type[Options], **others: Any) -> Options:
    """Makes a dataclass of the arguments that `add_options` has defined.

    Args:
        arguments: What the parser has parsed.
        options: The dataclass.
        others: Values of its other fields, which `add_options` left out.

    Raises:
        InputError: The dataclass refuses a value.
    """
    names = [field.name for field in dataclasses.fields(options) if "help" in field.metadata]
    return options(**{name: getattr(arguments, name) for name in names}, **others)


def flag(field: dataclasses.Field) -> str:
    """The option's name on the command line."""
    return field.metadata["flag"] or "--" + field.name.replace("_", "-")


def positive_int(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1; received {text}")
    return number


def output_file(text: str) -> Path:
    """The path of a file, which need not exist."""
    if Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is a folder; a file's name was expected")
    return Path(text)


def _argument(field: dataclasses.Field) -> dict[str, Any]:
    """The arguments of `add_argument` for a field."""
    default, about = default_of(field), field.metadata
    text = help_of(field).replace("%", "%%")
    if isinstance(default, bool):
        return {"action": "store_true", "help": text}
    argument = {"default": default, "help": text, "metavar": about["metavar"]}
    if isinstance(default, dict):
        return {**argument, "nargs": "+", "action": _Pairs, "type": _pair(about["choices"])}
    kind = about["type"] or (str if default is None else type(default))
    return {**argument, "type": _telling(kind), "choices": about["choices"]}


def _telling(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """The type, with the sentence of an InputError told: argparse would only say that the value is invalid."""

    @functools.wraps(kind, updated=())
    def convert(text: str) -> Any:
        try:
            return kind(text)
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _pair(names: tuple[str, ...]) -> Callable[[str], tuple[str, float]]:
    """The type of an argument `NAME=NUMBER`."""

    def pair(text: str) -> tuple[str, float]:
        name, _, number = text.partition("=")
        if name not in names:
            raise argparse.ArgumentTypeError(f"there is no {name!r}: choose from {', '.join(names)}")
        try:
            return name, float(number)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be NAME=NUMBER, such as {name}=1; received {text}") from None

    return pair


class _Pairs(argparse.Action):
    """Collects pairs in a dict. The first time it replaces the default."""

    def __call__(self, parser, namespace, values, option_string=None):
        given = getattr(namespace, self.dest)
        setattr(namespace, self.dest, {**({} if given is self.default else given), **dict(values)})
