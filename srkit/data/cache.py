"""The cache of aligned HR/LR pairs on disk: built once, keyed by all that shapes it, read through memory maps.

A cache is a folder with the decoded pixels of all HR images in one file (`hr.bin`), those of all LR images in another
(`lr.bin`), and `index.json`, which says where each photograph begins. So a crop costs no decoding, whatever its size.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from tqdm import tqdm

from srkit.errors import InputError, check_choice
from srkit.files import write_atomically
from srkit.image import SCALES, crop_to_multiple, downscale, read_image
from srkit.image.degradation import Degradation, get_degradation

_FORMAT = 1
_JPEG = b"\xff\xd8\xff"  # how such files begin, whatever their names


@dataclass(frozen=True)
class Photograph:
    """One photograph of a source.

    Attributes:
        name: Unique in its source.
        stamp: What tells that the file has changed, such as its size and time.
        read: Returns the bytes of the image file.
    """

    name: str
    stamp: tuple
    read: Callable[[], bytes]


class Cache:
    """A finished cache. Pixels are read when they are asked for, through memory maps."""

    def __init__(self, path: Path):
        index = json.loads((path / "index.json").read_text(encoding="utf-8"))
        self.scale: int = index["scale"]
        self.skipped: dict[str, str] = index["skipped"]
        self._entries = index["pairs"]
        self.names = [entry["name"] for entry in self._entries]
        # Of the pixels alone: the same photographs on another machine are the same data.
        content = [self.scale, index["kernel"], [entry["digest"] for entry in self._entries]]
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:12]
        self.fingerprint = f"x{self.scale}-{index['kernel']}-{digest}"
        if self._entries:
            self._hr = np.memmap(path / "hr.bin", np.uint8, mode="r")
            self._lr = np.memmap(path / "lr.bin", np.uint8, mode="r")

    def hr_shape(self, index: int) -> tuple[int, int, int]:
        """The shape of an HR image."""
        return (*self._entries[index]["hr_size"], 3)

    def pair(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """`(lr, hr)` of a photograph: read-only views of the memory maps."""
        entry = self._entries[index]
        height, width = entry["hr_size"]
        area = height * width * 3
        lr = self._lr[entry["lr_offset"] : entry["lr_offset"] + area // self.scale**2]
        hr = self._hr[entry["hr_offset"] : entry["hr_offset"] + area]
        return lr.reshape(height // self.scale, width // self.scale, 3), hr.reshape(height, width, 3)


def cache_root(cache_dir: "str | os.PathLike | None" = None) -> Path:
    """The folder of all caches: the one given, or `data/cache`; beside notebooks/, that of the project around them."""
    if cache_dir is not None:
        return Path(cache_dir)
    return project_root() / "data" / "cache"


def project_root() -> Path:
    """The nearest folder, from the current one upwards, that holds a checkout of srkit; else the current one."""
    here = Path.cwd()
    checkouts = (path for path in (here, *here.parents) if (path / "srkit" / "data" / "cache.py").is_file())
    return next(checkouts, here)


def build(
    label: str,
    photographs: list[Photograph],
    scale: int,
    degradation: str,
    min_size: int,
    cache_dir: "str | os.PathLike | None" = None,
    halve_jpeg: bool = False,
) -> Cache:
    """Opens the cache of these photographs, and builds it first if it is not there.

    A build that was interrupted goes on where it stopped; of two processes that ask at once, one builds and the other
    waits. Photographs that cannot be used are named in one warning.

    Args:
        label: The readable part of the cache's name.
        photographs: In the order of the cache.
        scale: 2, 3, 4 or 8.
        degradation: One that is not random (see `srkit.image.degradation`).
        min_size: Photographs with a shorter side, in px, are left out.
        cache_dir: The folder of all caches.
        halve_jpeg: Downscale JPEG photographs to half their sides first, and their traces of compression away.

    Raises:
        InputError: No photograph can be used, the scale or kernel is unknown, or the disk is full.
    """
    check_choice("scale", scale, SCALES)
    degrade = get_degradation(degradation, scale)
    stamps = [(photograph.name, photograph.stamp) for photograph in photographs]
    key = [_FORMAT, scale, degradation, min_size, halve_jpeg, stamps]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:12]
    readable = "".join(character if character.isalnum() or character in "-_" else "_" for character in label)
    path = cache_root(cache_dir) / f"{readable}-x{scale}-{degradation}-{digest}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if not (path / "index.json").is_file():
                _build(path, photographs, degrade, min_size, halve_jpeg)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            f"The disk is full: no space is left in {path.parent} for the HR/LR pairs. Make room (srkit.data.clear() "
            "removes other caches) or give another cache_dir; what is done is kept, and the next call goes on from it."
        ) from None
    cache = Cache(path)
    if cache.skipped:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in cache.skipped.items())
        warnings.warn(f"{len(cache.skipped)} of {len(photographs)} photographs left out: {reasons}", stacklevel=4)
    if not cache.names:
        name, reason = next(iter(cache.skipped.items()))
        raise InputError(f"None of the {len(photographs)} photograph(s) of {label} can be used: {name} ({reason}), …")
    return cache


def clear(cache_dir: "str | os.PathLike | None" = None) -> int:
    """Deletes all caches, finished or not, but those that are being built. Returns how many bytes that gave back."""
    freed = 0
    for lock_path in cache_root(cache_dir).glob("*-x[2348]-*.lock"):
        path = lock_path.with_suffix("")
        with contextlib.suppress(Timeout, PermissionError), FileLock(lock_path, timeout=0):
            for folder in (path, _partial(path)):
                freed += sum(file.stat().st_size for file in folder.glob("*"))
                (folder / "index.json").unlink(missing_ok=True)  # first, so that half a cache is none
                shutil.rmtree(folder, ignore_errors=not folder.exists())
            lock_path.unlink()
    return freed


def _partial(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _build(
    path: Path, photographs: list[Photograph], degradation: Degradation, min_size: int, halve_jpeg: bool
) -> None:
    """Writes the cache in `path`.partial, then renames it.

    The journal gets a photograph's line after its pixels are written, so that after a kill it tells how much of the
    pixel files is whole.
    """
    partial = _partial(path)
    partial.mkdir(exist_ok=True)
    journal_path = partial / "journal.jsonl"
    done, journal_bytes = _read_journal(partial)
    pairs = [entry for entry in done if "hr_size" in entry]
    ends = (pairs[-1]["hr_end"], pairs[-1]["lr_end"]) if pairs else (0, 0)
    digests = {entry["digest"]: entry["name"] for entry in pairs}
    todo = photographs[len(done) :]
    with contextlib.ExitStack() as stack:
        hr_file, lr_file = (
            stack.enter_context(_open_cut(partial / name, end)) for name, end in zip(("hr.bin", "lr.bin"), ends)
        )
        journal = stack.enter_context(_open_cut(journal_path, journal_bytes))
        prepared = _prepared(todo, degradation, min_size, halve_jpeg)
        progress = tqdm(
            prepared, total=len(todo), desc=f"HR/LR pairs x{degradation.scale}", unit="photo", mininterval=1
        )
        for photograph, (lr, hr, digest, reason) in zip(todo, progress):
            if digest in digests:
                reason = f"a copy of {digests[digest]}"
            if reason:
                entry = {"name": photograph.name, "skipped": reason}
            else:
                digests[digest] = photograph.name
                entry = {"name": photograph.name, "hr_size": hr.shape[:2], "digest": digest}
                for kind, file, pixels in (("hr", hr_file, hr), ("lr", lr_file, lr)):
                    entry[f"{kind}_offset"] = file.tell()
                    file.write(pixels.tobytes())
                    file.flush()
                    entry[f"{kind}_end"] = file.tell()
            journal.write(json.dumps(entry).encode() + b"\n")
            journal.flush()
            done.append(entry)
    index = {
        "scale": degradation.scale,
        "kernel": degradation.fingerprint,
        "pairs": [entry for entry in done if "hr_size" in entry],
        "skipped": {entry["name"]: entry["skipped"] for entry in done if "skipped" in entry},
    }
    write_atomically(partial / "index.json", lambda file: file.write(json.dumps(index).encode()))
    journal_path.unlink()
    shutil.rmtree(path, ignore_errors=True)  # what a deletion that was cut short has left
    os.replace(partial, path)


def _read_journal(partial: Path) -> tuple[list[dict], int]:
    """What the journal lists of the pixels that are really there, and how many of its bytes say so."""
    paths = {name: partial / name for name in ("journal.jsonl", "hr.bin", "lr.bin")}
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


def _open_cut(path: Path, size: int):
    """Opens a file for appending after its first `size` bytes; what a killed build wrote behind them is dropped."""
    file = open(path, "ab")  # noqa: SIM115 - the caller closes it
    file.truncate(size)
    file.seek(size)
    return file


def _prepared(
    photographs: list[Photograph], degradation: Degradation, min_size: int, halve_jpeg: bool
) -> Iterator[tuple]:
    """Reads and downscales on all cores (the work is done in C), a few photographs ahead of the writer."""

    def prepare(photograph: Photograph) -> tuple:
        try:
            encoded = photograph.read()
            hr = read_image(encoded)
        except (InputError, OSError):
            return None, None, None, "cannot be read as an image"
        if halve_jpeg and encoded.startswith(_JPEG) and min(hr.shape[:2]) > 1:
            hr = downscale(np.ascontiguousarray(crop_to_multiple(hr, 2)), 2)
        height, width = hr.shape[:2]
        if min(height, width) < max(min_size, degradation.scale):
            return None, None, None, f"{width}x{height} px, smaller than {min_size} px"
        digest = hashlib.sha256(np.ascontiguousarray(hr)).hexdigest()
        hr = crop_to_multiple(hr, degradation.scale)
        return degradation(hr), hr, digest, None

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        yield from _ahead(pool, prepare, photographs, 2 * workers)


def _ahead(pool: ThreadPoolExecutor, function: Callable, items: Iterable, limit: int) -> Iterator:
    """Like `pool.map`, but with no more than `limit` results waiting in memory."""
    waiting = []
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == limit:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
