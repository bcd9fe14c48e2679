"""PyTorch's files (`torch.save`), opened without PyTorch: a pickle, and the numbers beside it."""

import contextlib
import functools
import io
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from srkit.errors import InputError
from srkit.models.foreign.unpickling import Refused, Storage, bytes_of, unpickle

_OLDER_FORM = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # its first pickle: a magic number


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Gives what `torch.save` has saved: dicts, lists, tuples, numbers, strings and, as leaves, `Tensor`s.

    The tensors' numbers can be read as long as the block lasts.

    Raises:
        InputError: The file is damaged, or holds more than that.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(len(_OLDER_FORM))
            file.seek(0)
            if head == _OLDER_FORM:
                yield _read_older_form(file)
            elif head.startswith(b"PK"):
                yield _read_zip_form(file)
            else:
                raise Refused("is damaged, or no file of PyTorch.")
    except Refused as refused:
        raise InputError(f"{path} {refused}") from None


def _read_zip_form(file: BinaryIO) -> Any:
    """The form since PyTorch 1.6: NAME/data.pkl, and NAME/data/KEY for each storage, nothing compressed."""
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error):
        raise Refused("is damaged: its archive cannot be read.") from None
    entries = {entry.filename: entry for entry in archive.infolist()}
    _check_entries(archive.infolist(), num_bytes=file.seek(0, io.SEEK_END))
    folders = [name.removesuffix("data.pkl") for name in entries if name.split("/")[1:] == ["data.pkl"]]
    if len(folders) != 1:
        raise Refused("is an archive, but none of PyTorch: it has no data.pkl.")

    @functools.cache  # tensors may share a storage
    def read(name: str) -> bytes:
        try:
            return archive.read(folders[0] + name)
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, OSError, struct.error):
            raise Refused(f"is damaged: its entry {name!r} cannot be read.") from None

    def storage(dtype: str, key: str, size: int) -> Storage:
        entry = entries.get(f"{folders[0]}data/{key}")
        if entry is None:
            raise Refused(f"is damaged: it has no storage {key!r}.")
        if entry.file_size != bytes_of(size, dtype):
            raise Refused(f"is damaged: its storage {key!r} of {size:,} numbers has {entry.file_size:,} bytes.")
        return Storage(dtype, size, lambda: read(f"data/{key}"))

    if f"{folders[0]}byteorder" in entries and read("byteorder") != b"little":
        raise Refused("was saved on a big-endian machine, which is not supported.")
    return unpickle(io.BytesIO(read("data.pkl")), storage)


def _check_entries(entries: list[zipfile.ZipInfo], num_bytes: int) -> None:
    """Refuses archives that PyTorch does not write: paths that lead outside, entries larger than the file."""
    for entry in entries:
        name = entry.filename
        if ".." in name.split("/") or name.startswith("/") or "\\" in name or ":" in name:
            raise Refused(f"is refused: its entry {name!r} points outside of the archive.")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise Refused(f"is refused: its entry {name!r} is compressed or encrypted, which PyTorch never does.")
    if sum(entry.file_size for entry in entries) > num_bytes:
        raise Refused("is damaged: its entries are larger than the file.")


def _read_older_form(file: BinaryIO) -> Any:
    """The form before PyTorch 1.6: pickles of magic number, version, system, content and keys, then the storages."""
    stream = io.BytesIO(file.read())
    data = stream.getbuffer()
    storages: dict[str, Storage] = {}
    starts: dict[str, int] = {}

    def storage(dtype: str, key: str, size: int) -> Storage:
        num_bytes = bytes_of(size, dtype)
        made = storages.setdefault(key, Storage(dtype, size, lambda: data[starts[key] : starts[key] + num_bytes]))
        if (made.dtype, made.size) != (dtype, size):
            raise Refused(f"is damaged: it describes its storage {key!r} in two ways.")
        return made

    _, _, system, content, keys = (unpickle(stream, storage) for _ in range(5))
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise Refused("was saved on a big-endian machine, which is not supported.")
    for key in keys if isinstance(keys, list) else ():
        made = storages.get(key) if isinstance(key, str) else None
        if made is None:
            raise Refused(f"is damaged: its storage {key!r} belongs to no tensor.")
        starts[key] = stream.tell() + 8
        end = starts[key] + bytes_of(made.size, made.dtype)
        if end > len(data) or struct.unpack("<q", stream.read(8)) != (made.size,):
            raise Refused(f"is damaged: its storage {key!r} of {made.size:,} numbers is not in it.")
        stream.seek(end)
    if missing := storages.keys() - starts.keys():
        raise Refused(f"is damaged: it has no storage {min(missing)!r}.")
    return content
