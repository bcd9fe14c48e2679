"""Has the notebooks run in a quick mode under pytest: the whole path, on few photographs, with a toy network."""

import json
import os
import tempfile
from pathlib import Path

QUICK = {
    "NUM_IMAGES": 6,
    "NUM_VALID": 2,
    "NUM_PICTURES": 1,
    "PRE_STEPS": 4,
    "GAN_STEPS": 2,
    "STEPS": 2,
    "EVALUATE_EVERY": 2,
    "BATCH_SIZE": 2,
    "PATCH_SIZE": 48,
    "FILTERS": 8,
    "NUM_BLOCKS": 1,
    "FACE_SIZES": [20],
    "METHODS": ["bicubic", "edsr-small-x4"],
}


def pytest_configure(config):
    """Notebooks run in processes of their own, which the environment reaches."""
    runs = tempfile.mkdtemp(prefix="srkit-notebooks-")
    os.environ["SRKIT_PARAMETERS"] = json.dumps({**QUICK, "RUNS": runs})
    root = str(Path(__file__).parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
