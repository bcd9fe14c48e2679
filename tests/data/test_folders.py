from pathlib import Path

import platformdirs
import pytest

import srkit
from srkit import data
from srkit.data import folders

CHECKOUT = Path(srkit.__file__).parents[1]


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """The current folder is not the checkout."""
    monkeypatch.chdir(tmp_path)


def test_data_and_caches_lie_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path / "sets"))
    assert data.data_dir() == tmp_path / "sets"
    assert folders.default_cache_dir() == tmp_path / "sets" / "cache"


def test_a_checkout_has_its_own_folder_whatever_the_current_one(elsewhere, monkeypatch):
    monkeypatch.delenv("SRKIT_DATA_DIR", raising=False)
    assert data.data_dir() == CHECKOUT / "data"
    assert folders.default_cache_dir() == CHECKOUT / "data" / "cache"


def test_a_wheel_does_not_fill_the_current_folder(elsewhere, tmp_path, monkeypatch):
    monkeypatch.delenv("SRKIT_DATA_DIR", raising=False)
    monkeypatch.setattr(folders, "__file__", str(tmp_path / "site-packages" / "srkit" / "data" / "folders.py"))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / "user" / name)
    assert data.data_dir() == tmp_path / "user" / "srkit" / "data"
    assert folders.default_cache_dir() == tmp_path / "user" / "srkit" / "data" / "cache"


def test_caches_are_not_written_beside_data_that_is_read_only(tmp_path, monkeypatch):
    sets = tmp_path / "sets"
    sets.mkdir()
    sets.chmod(0o555)
    monkeypatch.setenv("SRKIT_DATA_DIR", str(sets))
    assert data.data_dir() == sets
    assert folders.default_cache_dir() == CHECKOUT / "data" / "cache"
