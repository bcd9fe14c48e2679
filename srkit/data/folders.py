"""Where data sets and caches of pairs lie."""

import os
import stat
from pathlib import Path

import platformdirs


def data_dir() -> Path:
    """The folder that holds data sets.

    It is the one that the environment variable `SRKIT_DATA_DIR` names; without it, `data/` in the checkout that srkit
    runs from; without a checkout, a folder in the user's cache folder.
    """
    named = os.environ.get("SRKIT_DATA_DIR")
    return Path(named) if named else _home()


def default_cache_dir() -> Path:
    """The folder that holds the caches of pairs: `cache/` in `data_dir()`.

    Where `SRKIT_DATA_DIR` names a folder that cannot be written, the caches lie where they would without it.
    """
    folder = data_dir()
    return (_home() if _is_read_only(folder) else folder) / "cache"


def _is_read_only(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    # An administrator may write anywhere, but should not where its owner may not.
    return not (os.access(folder, os.W_OK) and folder.stat().st_mode & stat.S_IWUSR)


def _home() -> Path:
    """`data/` of the checkout, or the user's cache folder where srkit is installed as a wheel."""
    project = Path(__file__).parents[2]
    is_checkout = (project / "pyproject.toml").is_file()
    return project / "data" if is_checkout else platformdirs.user_cache_path("srkit") / "data"
