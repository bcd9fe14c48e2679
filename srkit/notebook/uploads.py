"""Photographs from the browser into a folder, in Colab and in Jupyter."""

import os
from collections.abc import Mapping
from pathlib import Path

from IPython.display import display

from srkit.errors import InputError
from srkit.files import write_atomically


def upload(folder: "str | os.PathLike") -> Path:
    """Saves photographs that are chosen in the browser to a folder.

    Colab asks for them and waits. Jupyter shows a button and does not wait: run the next cells once it has counted
    them.

    Args:
        folder: Folder to save to. It is created if it is not there. A file of the same name is replaced.

    Returns:
        The folder.

    Raises:
        InputError: This is neither Colab, nor is ipywidgets installed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        from google.colab import files
    except ImportError:
        _show_button(folder)
    else:
        print(_save(folder, files.upload()))
    return folder


def _show_button(folder: Path) -> None:
    try:
        from ipywidgets import FileUpload, Label, VBox
    except ImportError:
        raise InputError(
            "Uploading needs the package ipywidgets (pip install ipywidgets); "
            f"or put the photographs into {folder} by other means."
        ) from None
    button = FileUpload(accept="image/*", multiple=True, description="Photographs")
    state = Label("None yet. Jupyter takes about 10 MB at a time: larger ones never arrive.")

    def save(change: dict) -> None:
        state.value = _save(folder, {file["name"]: file["content"] for file in change["new"]})

    button.observe(save, names="value")
    display(VBox([button, state]))


def _save(folder: Path, uploaded: Mapping[str, "bytes | memoryview"]) -> str:
    """Writes uploaded files, and returns a sentence that says so."""
    for name, content in uploaded.items():
        write_atomically(folder / Path(name).name, lambda file, content=content: file.write(content))
    return f"{len(uploaded)} uploaded: {', '.join(uploaded)}"
