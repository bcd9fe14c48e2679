"""Files that are written whole or not at all."""

import os
from pathlib import Path


def write_atomically(path: "str | os.PathLike", write_to) -> None:
    """Calls `write_to(file)` on a temporary binary file and renames it to `path` once it is safely on the disk.

    Whatever interrupts it, `path` holds either what it held before or the whole new content.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")  # no longer than file systems allow
    try:
        with open(temporary, "w+b") as file:
            write_to(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
