"""Options: fields of a dataclass that carry their own help.

The arguments in Python, the options of the command line, and the settings that a run records are all made of them.
"""

import dataclasses
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
        help: One or two sentences. They are shown by `--help`.
        group: The heading under which `--help` lists the option.
        choices: The values that are allowed; of a dict, its keys.
        metavar: What stands for the value in `--help`, such as `"PX"`.
        type: Makes the value from the text on the command line. Default: the type of `default`.
        flag: The option's name on the command line, such as `"--loss"`. Default: the field's name with dashes.

    Returns:
        A `dataclasses.field`; all arguments but the first are in its `metadata`, by their names.

    ```python
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Options:
        quality: int = option(95, "Quality of JPEG files, from 1 to 100.", group="output", metavar="N")
    ```
    """
    metadata = {"help": help, "group": group, "choices": choices, "metavar": metavar, "type": type, "flag": flag}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)
