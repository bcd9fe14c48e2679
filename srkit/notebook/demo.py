"""The demo: the first four notebooks, in ten minutes and without a network."""

import os
import threading
import time
from pathlib import Path

from srkit.notebook.execute import execute, notebooks_dir

_SECONDS_BETWEEN_LINES = 5


def run_demo(out: "str | os.PathLike") -> None:
    """Runs the first four notebooks on photographs that come with the installed packages.

    It takes less than ten minutes on two cores, and prints every few seconds how far it is.

    Args:
        out: Folder for the executed notebooks, the runs with their weights, and the pictures.
    """
    out = Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    parameters = {"RUNS": str(out)}
    started = time.monotonic()
    notebooks = sorted(notebooks_dir().glob("0[1-4]_*.ipynb"))
    for notebook in notebooks:
        _run(notebook, out / notebook.name, parameters)
    minutes = (time.monotonic() - started) / 60
    print((out / "scores.txt").read_text(encoding="utf-8"))
    print(f"Done in {minutes:.1f} minutes. Open {out / 'photo_x4.html'} in a browser: a JPEG, before and after.")
    print("Beside it are the notebooks, and pre/ and gan/ with weights, history and pictures.")


def _run(notebook: Path, target: Path, parameters: dict) -> None:
    """Runs a notebook, and prints every few seconds in which cell it is."""
    print(f"Running {notebook.name} …", flush=True)
    started, place, done = time.monotonic(), "starting", threading.Event()

    def note(number: int, count: int) -> None:
        nonlocal place
        place = f"cell {number} of {count}"

    def tell() -> None:
        while not done.wait(_SECONDS_BETWEEN_LINES):
            print(f"  {time.monotonic() - started:.0f} s: {place}", flush=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        execute(notebook, target, parameters, note)
    finally:
        done.set()
        teller.join()
