"""Options: fields of a dataclass that carry their own help.

The arguments in Python, the options of the command line, and the settings that a run records are all made of them.
"""

import dataclasses
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def option(
    default: Any,
    help: str,
    *,
    group: str,
    choices: tuple | None = None,
    metavar: str | None = None,
    type: Callable[[str], Any] | None = None,
    flag: str | None = None,
) -> Any:
    """A field of a dataclass of options.

    Args:
        default: The default value. A dict is copied for each instance.
        help: One or two sentences. They are shown by `--help`, and by `help()` of a class with `@documented`.
        group: The heading under which `--help` lists the option.
        choices: The values that are allowed; of a dict, its keys.
        metavar: What stands for the value in `--help`, such as `"PX"`.
        type: Makes the value from the text on the command line. Default: the type of `default`.
        flag: The option's name on the command line, such as `"--loss"`. Default: the field's name with dashes.

    Returns:
        A `dataclasses.field`; all arguments but the first are in its `metadata`, by their names.

    ```python
    @documented
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Options:
        quality: int = option(95, "Quality of JPEG files, from 1 to 100.", group="output", metavar="N")
    ```
    """
    metadata = {"help": help, "group": group, "choices": choices, "metavar": metavar, "type": type, "flag": flag}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def documented(options: type) -> type:
    """Decorates a dataclass of options: its docstring then ends with the help of each option."""
    lines = []
    for field in dataclasses.fields(options):
        if "help" in field.metadata:
            text = f"{field.name}: {help_of(field)}"
            if field.metadata["choices"] and not isinstance(default_of(field), dict):
                text += f" One of {', '.join(map(str, field.metadata['choices']))}."
            lines += textwrap.wrap(text, 100, initial_indent="    ", subsequent_indent="        ")
    options.__doc__ = "\n".join([inspect.cleandoc(options.__doc__ or ""), "", "Options:", *lines])
    return options


def default_of(field: dataclasses.Field) -> Any:
    """The default value of a field."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def help_of(field: dataclasses.Field) -> str:
    """The help of an option with its default, and with the names that a dict may have."""
    default, text = default_of(field), field.metadata["help"]
    if isinstance(default, dict):
        text += f" Names: {', '.join(field.metadata['choices'])}."
        default = " ".join(f"{name}={value:g}" for name, value in default.items())
    if default is not None and not isinstance(default, bool) and "Default:" not in text:
        text += f" Default: {default:g}." if isinstance(default, float) else f" Default: {default}."
    return text
