"""Photographs before they are read: names, and functions that give the bytes of their files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from srkit.image import list_images


@dataclass(frozen=True)
class Photograph:
    """One photograph of a source.

    Attributes:
        name: Unique in its source.
        stamp: Numbers that differ when the file has changed, such as its size and time.
        read: Returns the bytes of the image file.
        read_lr: Returns the bytes of the file of its LR. None where LR is made from HR.
    """

    name: str
    stamp: tuple
    read: Callable[[], bytes]
    read_lr: Callable[[], bytes] | None = None


def photographs_in(folder: Path, prefix: str = "") -> list[Photograph]:
    """The photographs below a folder, named by their paths in it behind a prefix."""
    return [
        Photograph(prefix + path.relative_to(folder).as_posix(), stamp_of(path), path.read_bytes)
        for path in list_images(folder)
    ]


def stamp_of(path: Path) -> tuple[int, int]:
    """The size and the time of a file."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns
