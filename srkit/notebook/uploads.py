"""Photographs from the browser into a folder, in Colab and in Jupyter."""

import os
from collections.abc import Mapping
from pathlib import Path

from IPython.display import display

from srkit.errors import InputError
from srkit.files import write_atomically


def upload(folder: "str | os.PathLike") -> Path:
    """Puts photographs that are chosen in the browser into a folder.

    Colab asks for them and waits. Jupyter shows a button and goes on: run the cells below once it has counted them.

    Args:
        folder: Where to; it is made if need be; of files with one name the last stays.

    Returns:
        The folder.

    Raises:
        InputError: There is nothing to choose with: neither Colab nor ipywidgets.
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
            "Uploading needs another package (pip install ipywidgets); "
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
