"""The numbered notebooks, run from outside: by the demo, by the tests, or for the outputs that are committed."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from srkit.errors import InputError
from srkit.notebook.parameters import VARIABLE


def notebooks_dir() -> Path:
    """The folder of the notebooks: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "notebooks"
    return installed if installed.is_dir() else package.parent / "notebooks"


def execute(
    notebook: Path, target: Path, parameters: dict, on_cell_start: Callable[[int, int], object] | None = None
) -> None:
    """Runs a notebook from the top, and saves it with its outputs, even if a cell fails.

    Args:
        notebook: The notebook to run.
        target: Path of the executed notebook. Its folder is the current folder of the cells.
        parameters: Values of the notebook's parameters by name; see `srkit.notebook.override`.
        on_cell_start: Called with the number of each cell, from 1, and of all cells.

    Raises:
        InputError: A cell failed. The message has the last line of its error.
    """
    content = nbformat.read(notebook, as_version=4)
    count = len(content.cells)
    client = NotebookClient(
        content,
        timeout=None,
        coalesce_streams=True,
        resources={"metadata": {"path": str(target.parent)}},
        on_cell_start=on_cell_start and (lambda cell, cell_index: on_cell_start(cell_index + 1, count)),
    )
    # The kernel imports this srkit, also from a checkout that is not installed.
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, VARIABLE: json.dumps(parameters), "PYTHONPATH": os.pathsep.join(paths)}
    try:
        client.execute(env=environment, stderr=subprocess.DEVNULL)  # the kernel's own messages
    except CellExecutionError as error:
        raise InputError(f"{notebook.name} failed: {error.ename}: {error.evalue} (see {target})") from None
    except DeadKernelError:
        raise InputError(f"{notebook.name} failed: its process was ended, perhaps for lack of memory.") from None
    finally:
        nbformat.write(content, target)
