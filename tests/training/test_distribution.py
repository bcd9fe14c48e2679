"""The same training on one device, on two, and in two processes."""

import functools
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_trainers import gan_trainer, pre_trainer

from srkit import InputError, data
from srkit.training import RunFolder

DISTRIBUTED = {
    "precision": "float32",
    "schedule": "constant",
    "global_clipnorm": 0.5,
    "ema": 0.9,
    "learning_rate": 1e-4,
    "evaluate_every": 10,
}
AS_ON_GPUS = {"jit_compile": True, "steps_per_call": 50, "checkpoint_every": 50}
HERE = Path(__file__).parent
STEPS = 20
BUILDERS = {"pre_trainer": pre_trainer, "gan_trainer": gan_trainer}
IS_THOROUGH = "SRKIT_THOROUGH" in os.environ
TRIED = BUILDERS if IS_THOROUGH else ["pre_trainer"]  # the GAN takes minutes


def start(devices: str, build: str, run: Path, cache: Path, steps: int, **environment) -> subprocess.Popen:
    command = [sys.executable, HERE / "distributed_child.py", devices, build, run, cache, str(steps)]
    path = os.pathsep.join([str(HERE), str(HERE.parent)])
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def start_workers(build: str, runs: list[Path], cache: Path, steps: int) -> list[subprocess.Popen]:
    sockets = [socket.socket() for _ in runs]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{opened.getsockname()[1]}" for opened in sockets]
    for opened in sockets:
        opened.close()
    configurations = (
        {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}} for index in range(len(runs))
    )
    return [
        start("worker", build, run, cache, steps, TF_CONFIG=json.dumps(configuration))
        for run, configuration in zip(runs, configurations)
    ]


def finish(child: subprocess.Popen) -> None:
    _, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors.decode()[-2000:]


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def one_device(cache, tmp_path_factory):
    """A function that trains on one device, and returns the run; each trainer's once."""
    train, valid = data.samples(num_images=4, cache_dir=cache)

    @functools.cache
    def run(build: str) -> RunFolder:
        path = tmp_path_factory.mktemp("one") / "run"
        BUILDERS[build](path, **DISTRIBUTED).train(train, valid.take(1), steps=STEPS)
        return RunFolder(path)

    return run


def assert_same_training(run: RunFolder, reference: RunFolder) -> None:
    assert [entry["step"] for entry in run.history()] == list(range(1, STEPS + 1))
    for entry, expected in zip(run.history(), reference.history()):
        for name in entry:
            if "loss" in name or name == "learning_rate":
                assert entry[name] == pytest.approx(expected[name], rel=1e-5, abs=1e-5)
    assert run.history()[-1]["psnr"] == pytest.approx(reference.history()[-1]["psnr"], abs=0.01)


@pytest.mark.parametrize("build", TRIED)
def test_two_devices_train_as_one(build, one_device, cache, tmp_path):
    finish(start("mirrored", build, tmp_path / "run", cache, STEPS))
    assert_same_training(RunFolder(tmp_path / "run"), one_device(build))


@pytest.mark.skipif(not IS_THOROUGH, reason="XLA compiles for minutes; SRKIT_THOROUGH=1 tries it")
@pytest.mark.parametrize("build", BUILDERS)
def test_two_devices_train_as_one_with_xla_and_many_steps_in_a_call(build, one_device, cache, tmp_path):
    finish(start("mirrored-xla", build, tmp_path / "run", cache, STEPS))
    assert_same_training(RunFolder(tmp_path / "run"), one_device(build))


@pytest.mark.parametrize("build", TRIED)
def test_two_workers_train_as_one_and_only_the_chief_writes(build, one_device, cache, tmp_path):
    runs = [tmp_path / "chief" / "run", tmp_path / "other" / "run"]
    for child in start_workers(build, runs, cache, STEPS):
        finish(child)
    assert_same_training(RunFolder(runs[0]), one_device(build))
    assert not runs[1].exists()


def test_run_goes_on_after_a_worker_was_killed(one_device, cache, tmp_path):
    runs = [tmp_path / "chief" / "run", tmp_path / "other" / "run"]
    chief, other = start_workers("pre_trainer", runs, cache, 100_000)
    while RunFolder(runs[0]).checkpoints.last_step() < 4:
        assert chief.poll() is None and other.poll() is None
        time.sleep(0.05)
    other.kill()
    _, errors = chief.communicate(timeout=120)
    assert chief.returncode != 0
    assert InputError.__name__ in errors.decode() and "same command again" in errors.decode()
    step, *_ = RunFolder(runs[0]).checkpoints.load()
    assert step >= 4
    for child in start_workers("pre_trainer", runs, cache, max(step, STEPS)):
        finish(child)
    history = RunFolder(runs[0]).history()
    assert [entry["step"] for entry in history] == list(range(1, max(step, STEPS) + 1))
    expected = one_device("pre_trainer").history()
    np.testing.assert_allclose(
        [entry["loss"] for entry in history[:STEPS]], [entry["loss"] for entry in expected], rtol=1e-5, atol=1e-5
    )
