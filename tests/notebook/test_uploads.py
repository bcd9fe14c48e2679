import sys
import types

import numpy as np
import pytest

from srkit import InputError
from srkit.image import list_images, read_image, write_image
from srkit.notebook import uploads


@pytest.fixture
def chosen(cat, tmp_path):
    """A photograph's file, as a browser sends it."""
    write_image(tmp_path / "chosen" / "my cat.png", cat)
    return (tmp_path / "chosen" / "my cat.png").read_bytes()


def test_jupyter_button_saves_what_is_chosen(monkeypatch, chosen, cat, tmp_path):
    shown = []
    monkeypatch.setattr(uploads, "display", shown.append)
    folder = uploads.upload(tmp_path / "new" / "photos")
    button, state = shown[0].children
    file = {"name": "my cat.png", "type": "image/png", "size": len(chosen), "last_modified": 0}
    button.set_state({"value": [file | {"content": memoryview(chosen)}]})  # as the browser does
    assert np.array_equal(read_image(folder / "my cat.png"), cat)
    assert state.value == "1 uploaded: my cat.png"


def test_colab_waits_for_files_and_none_lands_outside_the_folder(monkeypatch, chosen, tmp_path, capsys):
    colab = types.ModuleType("google.colab")
    colab.files = types.SimpleNamespace(upload=lambda: {"../my cat.png": chosen})
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    folder = uploads.upload(tmp_path / "photos")
    assert list_images(folder) == [folder / "my cat.png"]
    assert "1 uploaded" in capsys.readouterr().out


def test_without_ipywidgets_it_is_said_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(InputError, match="pip install ipywidgets"):
        uploads.upload(tmp_path)
