"""Which device computes, with graphics cards that are made believe."""

import os
import stat
import subprocess
import sys

import pytest
import tensorflow as tf

from srkit import devices

CARD = {"device_name": "NVIDIA H200", "compute_capability": (9, 0)}
OLD_CARD = {"device_name": "Tesla T4", "compute_capability": (7, 5)}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A function that puts a program of that name in the path, which prints a text or fails."""
    if os.name == "nt":
        pytest.skip("a shell script stands in for the program")

    def install(text: str, status: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}\nEND\nexit {status}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "gpus", list)
    return install


def test_device_is_named(monkeypatch):
    assert devices.device_name().startswith("the CPU, ")
    for cards, name in (
        ([CARD], "NVIDIA H200"),
        ([CARD, CARD], "2 GPUs: NVIDIA H200"),
        ([CARD, OLD_CARD], "2 GPUs: NVIDIA H200, Tesla T4"),
    ):
        monkeypatch.setattr(devices, "gpus", lambda cards=cards: cards)
        assert devices.device_report() == f"Computing on {name}."


def test_tf32_is_said_where_a_card_has_it(monkeypatch):
    assert devices.precision_in_words("mixed_bfloat16") == "bfloat16"
    for cards, words in (([], "float32"), ([OLD_CARD], "float32"), ([CARD], "float32 (products in TF32)")):
        monkeypatch.setattr(devices, "gpus", lambda cards=cards: cards)
        assert devices.precision_in_words("float32") == words


def test_gpu_that_tensorflow_does_not_see_is_explained(nvidia_smi, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    nvidia_smi("NVIDIA A100\nNVIDIA A100")
    for is_built, advice in ((True, f"'tensorflow[and-cuda]=={tf.__version__}'"), (False, "pip uninstall")):
        monkeypatch.setattr(tf.test, "is_built_with_cuda", lambda is_built=is_built: is_built)
        assert "has a GPU (NVIDIA A100), which TensorFlow does not see" in devices.unseen_gpu()
        assert advice in devices.unseen_gpu()
    monkeypatch.setattr(devices, "_name_of_nvidia_gpu", lambda: "a GPU (NVIDIA A100)")
    monkeypatch.setattr(sys, "platform", "win32")
    assert "WSL2" in devices.unseen_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert 'CUDA_VISIBLE_DEVICES="-1" hides it' in devices.device_report()
    monkeypatch.setattr(devices, "gpus", lambda: [CARD])
    assert devices.unseen_gpu() is None


def test_without_an_answer_of_the_driver_there_is_no_guess(nvidia_smi, monkeypatch):
    nvidia_smi("No devices were found", status=6)
    monkeypatch.setattr(devices.Path, "exists", lambda path: False)
    assert devices.unseen_gpu() is None
    monkeypatch.setattr(devices.Path, "exists", lambda path: str(path) == "/dev/nvidia0")
    assert "has an NVIDIA GPU, which" in devices.unseen_gpu()
    monkeypatch.setattr(devices, "gpus", lambda: [CARD])
    assert devices.free_gpu_bytes() is None


def test_free_memory_is_the_cards_own(nvidia_smi, monkeypatch):
    nvidia_smi("40960")
    assert devices.free_gpu_bytes() is None
    monkeypatch.setattr(devices, "gpus", lambda: [CARD])
    assert devices.free_gpu_bytes() == 40 * 2**30


def test_a_gpus_memory_is_taken_as_it_is_needed_unless_told_otherwise():
    code = "import os, srkit; print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'])"
    for given, expected in (({}, "true"), ({"TF_FORCE_GPU_ALLOW_GROWTH": "false"}, "false")):
        environment = {name: value for name, value in os.environ.items() if name != "TF_FORCE_GPU_ALLOW_GROWTH"}
        child = subprocess.run(
            [sys.executable, "-c", code], env={**environment, **given}, capture_output=True, text=True
        )
        assert child.stdout.strip() == expected
