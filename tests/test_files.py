"""Files: atomic writing, locks, hidden ones; Windows by mocks."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from srkit import InputError, files

HOLD = "import sys; from srkit.files import locked\nwith locked(sys.argv[1]): print('held', flush=True); input()"

RACE = """
import errno, os, sys, time
from pathlib import Path
from srkit.files import write_atomically
folder, name, links = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if links == "without links":
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")
    os.link = refuse
print("ready", flush=True)
input()
for index in range(100):
    try:
        write_atomically(folder / str(index), lambda file: file.write(name.encode()), overwrite=False)
    except FileExistsError:
        continue
    print(index)
"""


@pytest.fixture
def windows(monkeypatch):
    """Pretends to be Windows, with little patience."""
    monkeypatch.setattr(files, "_IS_WINDOWS", True)
    monkeypatch.setattr(files, "_RETRY_SECONDS", 0.3)


def refusing(times: int, monkeypatch) -> list:
    """Lets the first `times` calls of `os.replace` fail, as Windows does for a file that another program has open."""
    calls, real = [], os.replace

    def replace(source, target):
        calls.append(target)
        if len(calls) <= times:
            raise PermissionError(errno.EACCES, "Access is denied")
        real(source, target)

    monkeypatch.setattr(files.os, "replace", replace)
    return calls


def test_written_whole_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "folder" / "ä.txt"
    files.write_atomically(path, lambda file: file.write(b"one"))
    files.write_atomically(path, lambda file: file.write(b"two"))
    assert path.read_bytes() == b"two" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space")])
def test_interrupted_write_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")

    def fail(file):
        file.write(b"half")
        raise error

    with pytest.raises((KeyboardInterrupt, OSError)):
        files.write_atomically(path, fail)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("links", ["with links", "without links"])
def test_of_two_processes_one_writes_a_file_and_the_other_is_told(tmp_path, links):
    children = {
        name: subprocess.Popen(
            [sys.executable, "-c", RACE, tmp_path, name, links],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        for name in ("one", "two")
    }
    for child in children.values():
        assert child.stdout.readline().strip() == "ready"
    for child in children.values():
        child.stdin.write("\n")
        child.stdin.flush()
    writers = {int(index): name for name, child in children.items() for index in child.communicate()[0].split()}
    assert all(child.returncode == 0 for child in children.values())
    assert {int(path.name): path.read_text() for path in tmp_path.iterdir()} == writers and len(writers) == 100


@pytest.mark.parametrize("has_links", [True, False])
def test_what_is_there_is_not_replaced(tmp_path, monkeypatch, has_links):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    if not has_links:
        monkeypatch.setattr(files.os, "link", refuse)
    path = tmp_path / "a.txt"
    path.write_bytes(b"before")
    with pytest.raises(FileExistsError):
        files.write_atomically(path, lambda file: file.write(b"whole"), overwrite=False)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]
    files.write_atomically(tmp_path / "b.txt", lambda file: file.write(b"whole"), overwrite=False)
    assert (tmp_path / "b.txt").read_bytes() == b"whole" and len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="the way of other systems")
def test_failure_without_links_leaves_no_empty_file(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files.os, "link", refuse)
    refusing(1, monkeypatch)
    with pytest.raises(PermissionError):
        files.write_atomically(tmp_path / "a.txt", lambda file: file.write(b"whole"), overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_temporary_path_is_hidden_and_ends_as_asked(tmp_path):
    path = tmp_path / f"{'ä' * 100}.weights.h5"
    with files.replacing(path, ".weights.h5") as temporary:
        assert temporary.name.endswith(".weights.h5") and files.is_hidden(temporary, tmp_path)
        temporary.write_bytes(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole" and list(tmp_path.iterdir()) == [path]


def test_file_that_a_scanner_holds_for_a_moment_is_replaced_on_windows(tmp_path, windows, monkeypatch):
    calls = refusing(2, monkeypatch)
    files.write_atomically(tmp_path / "a.txt", lambda file: file.write(b"whole"))
    assert len(calls) == 3 and (tmp_path / "a.txt").read_bytes() == b"whole"


def test_file_that_stays_open_elsewhere_is_named_on_windows(tmp_path, windows, monkeypatch):
    (tmp_path / "a.txt").write_bytes(b"before")
    refusing(1000, monkeypatch)
    with pytest.raises(InputError, match=r"a\.txt: another program has it open"):
        files.write_atomically(tmp_path / "a.txt", lambda file: file.write(b"whole"))
    assert (tmp_path / "a.txt").read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 1


def test_refusal_is_final_on_other_systems(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_IS_WINDOWS", False)
    calls = refusing(1, monkeypatch)
    with pytest.raises(PermissionError):
        files.write_atomically(tmp_path / "a.txt", lambda file: file.write(b"whole"))
    assert len(calls) == 1


def test_lock_excludes_other_processes_and_ends_with_them(tmp_path):
    path = tmp_path / "lock"
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
    )
    assert child.stdout.readline().strip() == b"held"
    with pytest.raises(TimeoutError), files.locked(path, wait=False):
        pass
    child.kill()
    child.communicate()
    with files.locked(path, wait=False), pytest.raises(TimeoutError), files.locked(path, wait=False):
        pass


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOTSUP, "Operation not supported"), OSError(errno.ENOLCK, "No locks"), NotImplementedError()],
)
def test_file_system_without_locks_is_named(tmp_path, monkeypatch, error, wait):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(InputError, match="without locks"), files.locked(tmp_path / "lock", wait):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="fcntl is not there")
@pytest.mark.parametrize("wait", [True, False])
def test_file_system_without_locks_is_named_where_filelock_would_wait_for_ever(tmp_path, monkeypatch, wait):
    import fcntl

    def timeout(*_, **__):
        raise filelock.Timeout("lock")

    def refuse(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(filelock.FileLock, "acquire", timeout)
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(InputError, match="without locks"), files.locked(tmp_path / "lock", wait):
        pass


def test_other_errors_of_locks_stay_what_they_are(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with pytest.raises(PermissionError), files.locked(tmp_path / "lock"):
        pass


def test_hidden_files_and_folders(tmp_path):
    folder = tmp_path / ".cache" / "photos"  # hidden folders above the one that was asked for do not count
    names = {"a.png": False, ".a.png": True, "b/c.png": False, ".b/c.png": True, "b/.c/d.png": True}
    assert {name: files.is_hidden(folder / name, folder) for name in names} == names
