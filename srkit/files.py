"""Files on disk: written whole or not at all, locked against other processes, hidden or not."""

import contextlib
import errno
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from srkit.errors import InputError

_RETRY_SECONDS = 5.0
_IS_WINDOWS = sys.platform == "win32"
_NO_LOCKS = frozenset({errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK})
_NO_LINKS = frozenset({errno.EPERM, errno.EACCES, errno.EMLINK, errno.EXDEV}) | _NO_LOCKS
_NO_LOCKS_ON_WINDOWS = frozenset({1, 50})  # ERROR_INVALID_FUNCTION, ERROR_NOT_SUPPORTED


def write_atomically(path: "str | os.PathLike", write_to: Callable[[BinaryIO], object], overwrite: bool = True) -> None:
    """Calls `write_to(file)` on a temporary binary file, which takes its place at `path` once it is on the disk.

    Whatever interrupts it, `path` holds either what it held before or the whole new content.

    Args:
        path: Path of the file. Its folder is created if there is none.
        write_to: Writes the content into the binary file that it is given.
        overwrite: Whether the file replaces what is at `path`, even what another process has put there meanwhile.

    Raises:
        InputError: On Windows, another program keeps `path` open.
        FileExistsError: Something is at `path`, and `overwrite` is False.

    ```python
    write_atomically("settings.json", lambda file: file.write(b"{}"))
    ```
    """
    with replacing(path, overwrite=overwrite) as temporary, open(temporary, "w+b") as file:
        write_to(file)


@contextlib.contextmanager
def replacing(path: "str | os.PathLike", ending: str = ".tmp", overwrite: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path`; if the block ends without an error, its file takes the place of `path`.

    For writers that take a path; `write_atomically` is simpler for those that take a file.

    Args:
        path: Path of the file. Its folder is created if there is none.
        ending: How the temporary path ends, for writers that expect an extension.
        overwrite: Whether the file replaces what is at `path`, even what another process has put there meanwhile.

    Yields:
        The temporary path, whose name begins with a dot.

    Raises:
        InputError: On Windows, another program keeps `path` open.
        FileExistsError: Something is at `path`, and `overwrite` is False.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process and the thread, so that two writers do not meet; not the whole name, which may be as long as allowed.
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}-{threading.get_ident()}{ending}")
    try:
        yield temporary
        with open(temporary, "r+b") as file:
            os.fsync(file.fileno())
        (replace if overwrite else _put)(temporary, path)
    finally:
        with contextlib.suppress(PermissionError):  # on Windows, a virus scanner may still read it
            temporary.unlink(missing_ok=True)


def replace(source: Path, target: Path) -> None:
    """Renames a file or folder to `target`, in place of a file that is there.

    Windows refuses this while a viewer or a virus scanner reads either of them: there it is tried for some seconds.

    Raises:
        InputError: On Windows, another program keeps one of them open.
    """
    _patiently(os.replace, source, target)


def _put(source: Path, target: Path) -> None:
    """Gives a file the name `target`, unless something has that name: of two processes, one gets it.

    Raises:
        InputError: On Windows, another program keeps the file open.
        FileExistsError: Something is at `target`.
    """
    if _IS_WINDOWS:
        _patiently(os.rename, source, target)  # which replaces nothing there
        return
    try:
        os.link(source, target)
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
    # A file system without links, such as FAT: an empty file takes the name, and is then replaced.
    os.close(os.open(target, os.O_CREAT | os.O_EXCL))
    try:
        os.replace(source, target)
    except BaseException:
        target.unlink()
        raise


def _patiently(rename: Callable[[Path, Path], None], source: Path, target: Path) -> None:
    """Renames; on Windows again and again for some seconds, while another program has one of the files open."""
    deadline = time.monotonic() + _RETRY_SECONDS
    while True:
        try:
            rename(source, target)
            return
        except PermissionError:
            if not _IS_WINDOWS:
                raise
            if time.monotonic() > deadline:
                raise InputError(
                    f"Cannot write {target}: another program has it open, or it is read-only. Close the program, or "
                    "choose another path."
                ) from None
        time.sleep(0.1)


@contextlib.contextmanager
def locked(path: "str | os.PathLike", wait: bool = True) -> Iterator[None]:
    """Holds a lock file, so that no other process can hold it. The lock of a process that is killed is released.

    Args:
        path: Path of the lock file.
        wait: Wait while another process holds the lock.

    Raises:
        TimeoutError: Another process holds the lock, and `wait` is False.
        InputError: The file system has no locks.
    """
    lock = FileLock(path)
    with _explain_missing_locks(path):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            _check_locks(path)
            if not wait:
                raise
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _explain_missing_locks(path: "str | os.PathLike") -> Iterator[None]:
    try:
        yield
    except (OSError, NotImplementedError) as error:  # filelock raises the latter for ENOSYS
        is_missing = (
            isinstance(error, NotImplementedError)
            or error.errno in _NO_LOCKS
            or getattr(error, "winerror", None) in _NO_LOCKS_ON_WINDOWS
        )
        if not is_missing:
            raise
        raise InputError(
            f"{Path(path).parent} is on a file system without locks (a mounted Drive, for example): "
            "choose a folder on a local disk."
        ) from None


def _check_locks(path: "str | os.PathLike") -> None:
    """Raises an OSError where there are no locks, which older versions of filelock take for a lock that is held."""
    if _IS_WINDOWS:
        return
    import fcntl

    with open(path, "ab") as file, contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)


def is_hidden(path: Path, folder: Path) -> bool:
    """Whether the name of a file, or of a folder between it and `folder`, begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)
