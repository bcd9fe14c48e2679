"""Tables whose names are known at once, and whose entries are imported when they are used."""

import pkgutil
from collections import UserDict
from typing import Any


class LazyTable(UserDict):
    """A mapping from names to objects, each given by its place as `"module:name"`.

    The command line lists the names without importing Keras or TensorFlow. Entries of your own may be objects, too:
    `LOSSES["mine"] = my_loss`.

    >>> table = LazyTable({"square root": "math:sqrt"})
    >>> list(table)
    ['square root']
    >>> table["square root"](9)
    3.0
    """

    def __getitem__(self, name: str) -> Any:
        entry = super().__getitem__(name)
        return pkgutil.resolve_name(entry) if isinstance(entry, str) else entry
