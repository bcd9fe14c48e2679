"""Building and deleting caches of pairs. A cache is built once, and named by all that shapes it."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from srkit.data.cache import Cache
from srkit.data.folders import default_cache_dir
from srkit.data.partial_cache import PartialCache
from srkit.data.photograph import Photograph
from srkit.data.preparation import Preparation, PreparedPair
from srkit.errors import InputError
from srkit.files import locked
from srkit.progress import bar_stream

_FORMAT = 1
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


def open_or_build(
    label: str,
    photographs: list[Photograph],
    preparation: Preparation,
    cache_dir: "str | os.PathLike | None" = None,
) -> Cache:
    """Opens the cache of these photographs. Builds it first if it is not there.

    A build that was interrupted continues where it stopped. If two processes ask at once, one builds and the other
    waits. Photographs that cannot be used are named in one warning.

    Args:
        label: The readable part of the cache's name.
        photographs: The photographs, in the order that they will have in the cache.
        preparation: How they become pairs.
        cache_dir: The folder of all caches. Default: `srkit.data.folders.default_cache_dir()`.

    Raises:
        InputError: No photograph can be used, or the cache cannot be written.
    """
    path = _cache_path(label, photographs, preparation, cache_dir)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(f"{path}.lock"):
            if not (path / "index.json").is_file():
                _build(path, photographs, preparation)
    except OSError as error:
        raise InputError(_explain(error, path.parent)) from None
    cache = Cache(path)
    if cache.skipped:
        reasons = "; ".join(f"{name} ({reason})" for name, reason in cache.skipped.items())
        warnings.warn(f"{len(cache.skipped)} of {len(photographs)} photographs left out: {reasons}", stacklevel=4)
    if not cache.names:
        name, reason = next(iter(cache.skipped.items()))
        raise InputError(f"None of the {len(photographs)} photograph(s) of {label} can be used: {name} ({reason}), …")
    return cache


def clear(cache_dir: "str | os.PathLike | None" = None) -> int:
    """Deletes all caches of pairs, finished or not. Caches that are being built or in use are left, with a warning.

    Args:
        cache_dir: The folder of all caches. Default: `srkit.data.folders.default_cache_dir()`.

    Returns:
        How many bytes that freed.

    ```python
    print(f"{srkit.data.clear() / 1e6:.0f} MB freed")
    ```
    """
    freed, kept = 0, []
    root = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    for lock_path in root.glob("*-x[2348]-*.lock"):
        path = lock_path.with_suffix("")
        try:
            with locked(lock_path, wait=False):
                freed += sum(_delete(folder) for folder in (path, PartialCache.folder_of(path)))
                with contextlib.suppress(PermissionError):  # Windows deletes no open file
                    lock_path.unlink()
        except (OSError, InputError):
            kept.append(path.name)
    if kept:
        warnings.warn(
            f"{len(kept)} cache(s) in {root} are in use or may not be deleted, and were left: {', '.join(kept)}. "
            "Close the programs and notebooks that use them, then clear again.",
            stacklevel=2,
        )
    return freed


def _delete(folder: Path) -> int:
    """Deletes a folder and returns how many bytes it held.

    It is renamed first: half a cache must never look like a whole one, and Windows refuses to rename a folder with
    files that are mapped.
    """
    doomed = folder.with_name(f"{folder.name}.deleted")
    shutil.rmtree(doomed, ignore_errors=True)
    if not folder.exists():
        return 0
    size = sum(file.stat().st_size for file in folder.glob("*"))
    os.replace(folder, doomed)
    shutil.rmtree(doomed)
    return size


def _cache_path(
    label: str, photographs: list[Photograph], preparation: Preparation, cache_dir: "str | os.PathLike | None"
) -> Path:
    stamps = [(photograph.name, photograph.stamp) for photograph in photographs]
    shaping = [preparation.scale, preparation.lr_fingerprint, preparation.min_size, preparation.halve_jpeg]
    digest = hashlib.sha256(json.dumps([_FORMAT, *shaping, stamps]).encode()).hexdigest()[:12]
    root = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    return root / f"{_readable(label)}-x{preparation.scale}-{_readable(preparation.lr_name)}-{digest}"


def _readable(text: str) -> str:
    return "".join(character if character.isalnum() or character in "-_" else "_" for character in text)


def _explain(error: OSError, folder: Path) -> str:
    """What a person should know and do when a cache cannot be written."""
    if error.errno in _FULL_DISK:
        return (
            f"The disk is full: no space is left in {folder} for the HR/LR pairs. Make room (srkit.data.clear() "
            "removes other caches) or give another cache_dir. What is done is kept; the next call continues from there."
        )
    return f"The HR/LR pairs cannot be written to {folder} ({error.strerror or error}): give another cache_dir."


def _build(path: Path, photographs: list[Photograph], preparation: Preparation) -> None:
    """Writes the cache into another folder, then renames that folder to `path`."""
    with PartialCache(path) as partial:
        todo = photographs[partial.num_done :]
        progress = tqdm(
            _prepared(todo, preparation),
            file=bar_stream(),
            total=len(todo),
            desc=f"HR/LR pairs x{preparation.scale}",
            unit="photo",
            mininterval=1,
        )
        for photograph, prepared in zip(todo, progress):
            partial.add(photograph.name, prepared)
    partial.finish(preparation.scale, preparation.lr_fingerprint)


def _prepared(photographs: list[Photograph], preparation: Preparation) -> Iterator[PreparedPair | str]:
    """Prepares on all cores (the work is done in C), a few photographs ahead of the writer."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        yield from _ahead(pool, preparation, photographs, 2 * workers)


def _ahead(pool: ThreadPoolExecutor, function: Callable, items: Iterable, limit: int) -> Iterator:
    """Like `pool.map`, but with no more than `limit` results waiting in memory."""
    waiting = []
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == limit:
            yield waiting.pop(0).result()
    for future in waiting:
        yield future.result()
