"""What a notebook takes from outside: its parameters, and the weights that an earlier notebook has trained."""

import json
import os
from pathlib import Path

from srkit import models

VARIABLE = "SRKIT_PARAMETERS"


def override(parameters: dict) -> None:
    """Sets parameters of a notebook to the values in the environment variable `SRKIT_PARAMETERS` (JSON).

    Args:
        parameters: The notebook's `globals()`. Names that are not in it are skipped: they belong to another notebook.
    """
    for name, value in json.loads(os.environ.get(VARIABLE, "{}")).items():
        if name in parameters:
            parameters[name] = value


def load_trained(path: "str | os.PathLike", preset: str) -> "keras.Model":  # noqa: F821
    """Loads the model that an earlier notebook has trained, or a preset if there is none.

    Args:
        path: Weights that the earlier notebook saves.
        preset: A name in `srkit.models.PRESETS`.
    """
    if Path(path).is_file():
        return models.load_model(path)
    print(f"{Path(path).name} of an earlier notebook is not there: the preset {preset} takes its place.")
    return models.load_model(preset)
