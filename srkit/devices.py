"""Which device computes, in words; the memory of a GPU; and why a GPU that is there is not used."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_WITH_TF32 = (8, 0)  # NVIDIA's compute capability from Ampere on


def gpus() -> list[dict]:
    """TensorFlow's details of each GPU that it sees, such as `device_name` and `compute_capability`."""
    import tensorflow as tf  # here: `--help` and the options do without it

    return [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]


def device_name() -> str:
    """The device that computes, in words: `NVIDIA H200`, `2 GPUs: NVIDIA H200`, or `the CPU, 2 cores`."""
    names = [details.get("device_name", "GPU") for details in gpus()]
    if not names:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return f"the CPU, {cores} core{'s' if cores > 1 else ''}"
    return names[0] if len(names) == 1 else f"{len(names)} GPUs: {', '.join(sorted(set(names)))}"


def device_report() -> str:
    """A line that says which device computes; and one more where that is not this machine's GPU (see `unseen_gpu`).

    ```python
    print(srkit.device_report())  # such as: Computing on the CPU, 2 cores.
    ```
    """
    return "\n".join(filter(None, [f"Computing on {device_name()}.", unseen_gpu()]))


def precision_in_words(precision: str) -> str:
    """A precision as people call it; with float32 it is said where a GPU rounds factors to 10 bits (TF32)."""
    import tensorflow as tf

    found = gpus()
    tf32 = found and tf.config.experimental.tensor_float_32_execution_enabled()
    if precision == "float32" and tf32 and all(gpu.get("compute_capability", (0,)) >= _WITH_TF32 for gpu in found):
        return "float32 (products in TF32)"
    return precision.removeprefix("mixed_")


def unseen_gpu() -> str | None:
    """Why TensorFlow does not see this machine's NVIDIA GPU, and what to do; None where it does, or there is none."""
    import tensorflow as tf

    name = None if gpus() else _name_of_nvidia_gpu()
    if name is None:
        return None
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        reason = f'the variable CUDA_VISIBLE_DEVICES="{hidden}" hides it. Unset it'
    elif sys.platform == "win32":
        reason = "TensorFlow uses GPUs on Linux only. Install srkit in WSL2, Windows' own Linux"
    elif not tf.test.is_built_with_cuda():
        reason = "this TensorFlow is built for the CPU. pip uninstall it, and pip install 'tensorflow[and-cuda]'"
    else:
        reason = (
            "CUDA's libraries are missing, or do not suit the driver. pip install "
            f"'tensorflow[and-cuda]=={tf.__version__}', and restart Python"
        )
    return f"This machine has {name}, which TensorFlow does not see: {reason}."


def free_gpu_bytes() -> int | None:
    """Free memory of the first GPU, as its driver tells it; None without a GPU, or where it is not known."""
    if not gpus():
        return None
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    told = _nvidia_smi("--query-gpu=memory.free", "--format=csv,noheader,nounits", f"--id={first}")
    return int(told) * 2**20 if told.isdecimal() else None


def _name_of_nvidia_gpu() -> str | None:
    told = _nvidia_smi("--query-gpu=name", "--format=csv,noheader").splitlines()
    if told:
        return f"a GPU ({told[0]})"
    return "an NVIDIA GPU" if Path("/dev/nvidia0").exists() else None


def _nvidia_smi(*arguments: str) -> str:
    """What NVIDIA's own command answers; nothing where it is not there, or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
