"""What a notebook takes from outside: its parameters, and the weights that an earlier notebook has trained."""

import json
import os
from pathlib import Path

from srkit import models

VARIABLE = "SRKIT_PARAMETERS"

# What `FULL = True` sets in notebooks 1 to 4: the published run. It resumes where it was interrupted.
FULL_RUN = {
    "SOURCE": "stanford_dogs",
    "NUM_IMAGES": 5_000,
    "MODEL": "srresnet",
    "FILTERS": 64,
    "NUM_BLOCKS": 16,
    "PRE_STEPS": 20_000,
    "GAN_STEPS": 5_000,
    "LOSSES": {"vgg54": 1, "adversarial": 1e-3},
    "DISCRIMINATOR_FILTERS": 64,
    "EVALUATE_EVERY": 500,
    "BATCH_SIZE": 16,
    "PATCH_SIZE": 96,
    "RUNS": "../runs/full",
}


def override(parameters: dict) -> None:
    """Sets parameters of a notebook: those of the full run where `FULL` is true, then those set from outside.

    From outside they come in the environment variable `SRKIT_PARAMETERS`, as JSON, `FULL` among them.

    Args:
        parameters: The notebook's `globals()`. Names that are not in it are skipped: they belong to another notebook.
    """
    given = json.loads(os.environ.get(VARIABLE, "{}"))
    full = FULL_RUN if given.get("FULL", parameters.get("FULL")) else {}
    for name, value in {**full, **given}.items():
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
