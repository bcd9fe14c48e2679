"""Every layout at a toy size, against the network of its project written out in NumPy."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from foreign_networks import CASES
from pytorch_like import save

from srkit import load_model, models


@pytest.fixture
def lr():
    return np.random.default_rng(1).uniform(0, 255, (3, 8, 12))


@pytest.mark.filterwarnings("ignore:weights.pth")
@pytest.mark.parametrize("case", CASES)
def test_the_model_computes_what_its_own_project_computes(case, lr, tmp_path):
    network, scale = CASES[case]
    weights, run = network(scale)
    model = load_model(save(weights, tmp_path / "weights.pth"))
    model = models.at_scale(model, scale) if len(models.scales_of(model)) > 1 else model
    assert models.scale_of(model) == scale
    sr = np.asarray(model(lr.transpose(1, 2, 0)[None].astype(np.float32)))[0].transpose(2, 0, 1)
    expected = run(lr)
    if "clipped" in case:
        sr = sr.clip(0, 255)
    assert np.ptp(expected) > 20
    assert np.abs(sr - expected).max() < 1e-4 * 255


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
def test_pytorchs_own_files_and_layers(tmp_path):
    paths = [str(Path(__file__).parents[2]), *sys.path]
    program = Path(__file__).with_name("check_pytorch.py")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    result = subprocess.run(
        [sys.executable, program, tmp_path], capture_output=True, text=True, check=False, env=environment
    )
    assert result.returncode == 0, result.stderr
