"""The demo: the first four notebooks, in ten minutes and without a network."""

import os
import time
from pathlib import Path

from srkit.notebook.execute import execute, notebooks_dir


def run_demo(out: "str | os.PathLike") -> None:
    """Runs the first four notebooks on photographs that come with the installed packages.

    The GAN's content loss is `lpips`, whose weights come with the kit. It takes less than ten minutes on two cores.

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
