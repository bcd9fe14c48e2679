"""A cache that is being written."""

import contextlib
import json
import shutil
from pathlib import Path
from typing import BinaryIO

from srkit.data.preparation import PreparedPair
from srkit.files import replace, write_atomically


class PartialCache:
    """A cache that is being written, in a folder beside its place. A context manager; `finish` is called after it.

    The journal gets a photograph's line after its pixels are written. After a kill it tells which part of the pixel
    files is whole, and writing continues from there.

    Args:
        path: Where the finished cache will be.
    """

    def __init__(self, path: Path):
        self._path = path
        self._folder = self.folder_of(path)
        self._folder.mkdir(exist_ok=True)
        self._entries, self._journal_bytes = _read_journal(self._folder)
        self._names_by_digest = {entry["digest"]: entry["name"] for entry in self._pairs()}
        self._files: dict[str, BinaryIO] = {}

    @staticmethod
    def folder_of(path: Path) -> Path:
        """The folder of the partial cache that will become `path`."""
        return path.with_name(f"{path.name}.partial")

    @property
    def num_done(self) -> int:
        """How many photographs are written or left out."""
        return len(self._entries)

    def __enter__(self) -> "PartialCache":
        last = self._pairs()[-1] if self._pairs() else {"hr_end": 0, "lr_end": 0}
        ends = {"hr.bin": last["hr_end"], "lr.bin": last["lr_end"], "journal.jsonl": self._journal_bytes}
        with contextlib.ExitStack() as stack:
            for name, end in ends.items():
                self._files[name] = stack.enter_context(_open_cut(self._folder / name, end))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        self._stack.close()

    def add(self, name: str, prepared: PreparedPair | str) -> None:
        """Writes the pair of a photograph, or the reason why it has none. A copy of an earlier one is left out."""
        if not isinstance(prepared, str) and prepared.digest in self._names_by_digest:
            prepared = f"a copy of {self._names_by_digest[prepared.digest]}"
        entry = {"name": name, "skipped": prepared} if isinstance(prepared, str) else self._write(name, prepared)
        journal = self._files["journal.jsonl"]
        journal.write(json.dumps(entry).encode() + b"\n")
        journal.flush()
        self._entries.append(entry)

    def finish(self, scale: int, lr_fingerprint: str) -> None:
        """Writes the index and moves the cache to its place."""
        index = {
            "scale": scale,
            "kernel": lr_fingerprint,
            "pairs": self._pairs(),
            "skipped": {entry["name"]: entry["skipped"] for entry in self._entries if "skipped" in entry},
        }
        write_atomically(self._folder / "index.json", lambda file: file.write(json.dumps(index).encode()))
        (self._folder / "journal.jsonl").unlink()
        shutil.rmtree(self._path, ignore_errors=True)  # what a deletion that was cut short has left
        replace(self._folder, self._path)

    def _pairs(self) -> list[dict]:
        return [entry for entry in self._entries if "hr_size" in entry]

    def _write(self, name: str, pair: PreparedPair) -> dict:
        self._names_by_digest[pair.digest] = name
        entry = {"name": name, "hr_size": pair.hr.shape[:2], "digest": pair.digest}
        for kind, pixels in (("hr", pair.hr), ("lr", pair.lr)):
            file = self._files[f"{kind}.bin"]
            entry[f"{kind}_offset"] = file.tell()
            file.write(pixels.tobytes())
            file.flush()
            entry[f"{kind}_end"] = file.tell()
        return entry


def _read_journal(folder: Path) -> tuple[list[dict], int]:
    """What the journal lists of the pixels that are really there, and how many of its bytes say so."""
    paths = {name: folder / name for name in ("journal.jsonl", "hr.bin", "lr.bin")}
    if not all(path.is_file() for path in paths.values()):
        return [], 0
    ends = {kind: paths[f"{kind}.bin"].stat().st_size for kind in ("hr", "lr")}
    entries, size = [], 0
    for line in paths["journal.jsonl"].read_bytes().splitlines(keepends=True):
        try:
            entry = json.loads(line)
        except ValueError:  # half a line, or what a power cut left of it
            break
        if not line.endswith(b"\n") or any(entry.get(f"{kind}_end", 0) > end for kind, end in ends.items()):
            break
        entries.append(entry)
        size += len(line)
    return entries, size


def _open_cut(path: Path, size: int) -> BinaryIO:
    """Opens a file for appending after its first `size` bytes; what a killed build wrote behind them is dropped."""
    file = open(path, "ab")  # noqa: SIM115 - the caller closes it
    file.truncate(size)
    file.seek(size)
    return file
