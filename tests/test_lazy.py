"""Importing srkit, and asking what there is, brings in nothing heavy."""

import subprocess
import sys

import pytest

from srkit.losses import ADVERSARIAL, LOSSES
from srkit.models import MODELS

HEAVY = ("tensorflow", "keras", "skimage", "tensorflow_datasets", "matplotlib", "IPython", "nbformat", "nbclient")


def run(code: str) -> subprocess.CompletedProcess:
    """Runs code in a fresh interpreter, and fails if a heavy package was imported on the way."""
    code = f"{code}\nimport sys\nassert not {{*{HEAVY}}} & {{*sys.modules}}, {{*{HEAVY}}} & {{*sys.modules}}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_srkit_prints_nothing_and_imports_nothing_heavy():
    result = run("import os\nbefore = os.fstat(2)\nimport srkit\nassert os.fstat(2) == before\ndir(srkit)")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "code",
    [
        "from srkit.models import MODELS, PRESETS\nprint(*MODELS, *PRESETS)",
        "from srkit.losses import ADVERSARIAL, LOSSES\nprint(*LOSSES, *ADVERSARIAL)",
        "from srkit.training.options import GanOptions\nprint(GanOptions())",
        "from srkit.image import INTERPOLATIONS, KERNELS, SCALES\nprint(*KERNELS)",
    ],
)
def test_names_come_without_keras(code):
    result = run(code)
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.parametrize("table", [MODELS, LOSSES, ADVERSARIAL])
def test_each_name_of_a_table_leads_to_something(table):
    for name, entry in table.items():
        assert callable(entry) or callable(entry.generator), name
