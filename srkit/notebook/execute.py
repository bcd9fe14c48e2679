"""The numbered notebooks, run from the outside: by the demo, by the tests, or for the outputs that are committed."""

import json
import os
import subprocess
import time
from pathlib import Path

import keras
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from srkit.errors import InputError
from srkit.models.weights import load_model

_VARIABLE = "SRKIT_PARAMETERS"


def override(parameters: dict) -> None:
    """Sets parameters of a notebook to the values in the environment variable `SRKIT_PARAMETERS` (JSON).

    Args:
        parameters: The notebook's `globals()`. Names that it does not have are left out: they belong to another one.
    """
    for name, value in json.loads(os.environ.get(_VARIABLE, "{}")).items():
        if name in parameters:
            parameters[name] = value
            print(f"{name} = {value!r}, set from outside")


def notebooks_dir() -> Path:
    """The folder of the notebooks: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "notebooks"
    return installed if installed.is_dir() else package.parent / "notebooks"


def load_trained(path: "str | os.PathLike", preset: str) -> keras.Model:
    """The model that an earlier notebook has trained; the preset that comes with the kit where there is none.

    Args:
        path: Its weights.
        preset: A name in `srkit.models.presets.PRESETS`.
    """
    if Path(path).is_file():
        return load_model(path)
    print(f"{Path(path).name} of an earlier notebook is not there: the preset {preset} takes its place.")
    return load_model(preset)


def execute(notebook: Path, target: Path, parameters: dict) -> None:
    """Runs a notebook from the top and saves it with its outputs, also when a cell fails.

    Args:
        notebook: The notebook to run.
        target: Where the executed one is saved; its folder is the current one for the cells.
        parameters: See `override`.

    Raises:
        InputError: A cell failed; the message has its error's last line.
    """
    content = nbformat.read(notebook, as_version=4)
    client = NotebookClient(
        content, timeout=None, coalesce_streams=True, resources={"metadata": {"path": str(target.parent)}}
    )
    # The kernel imports this srkit, also from a checkout that is not installed.
    paths = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, _VARIABLE: json.dumps(parameters), "PYTHONPATH": os.pathsep.join(paths)}
    try:
        client.execute(env=environment, stderr=subprocess.DEVNULL)  # the kernel's own messages
    except CellExecutionError as error:
        raise InputError(f"{notebook.name} failed: {error.ename}: {error.evalue} (see {target})") from None
    except DeadKernelError:
        raise InputError(f"{notebook.name} failed: its process was ended, for want of memory perhaps.") from None
    finally:
        nbformat.write(content, target)


def demo(out: "str | os.PathLike") -> None:
    """Runs the four notebooks on photographs that come with the installed packages, within ten minutes on two cores.

    Args:
        out: Folder for the executed notebooks, the runs with their weights, and the pictures.
    """
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    parameters = {"RUNS": str(out), "CONTENT_LOSS": "lpips", "SHIPPED": False}
    started = time.monotonic()
    for notebook in sorted(notebooks_dir().glob("0[1-4]_*.ipynb")):
        print(f"Running {notebook.name} …", flush=True)
        execute(notebook, out / notebook.name, parameters)
    print(f"Done in {(time.monotonic() - started) / 60:.1f} minutes. In {out} are:")
    print("  the executed notebooks; pre/ and gan/ with weights, history and pictures; comparison-*.png")
    print((out / "scores.txt").read_text(encoding="utf-8"))
