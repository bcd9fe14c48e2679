"""Inference speed on this machine: srkit against ONNX Runtime and OpenVINO on the exported model, where installed.

    pip install -r benchmarks/requirements-peers.txt        # rows of what is not installed are left out
    python benchmarks/inference.py
    python benchmarks/inference.py --model rrdb compact --threads 1

Every row is measured in a process of its own, and all rows take turns, round after round, so that whatever else the
machine does meets all alike. A row's time is its best round's median; on a busy machine the processor's seconds of one
thread say more. The share is that of the values, in a photograph that comes with scikit-image, which are at most one
grey level from Keras' own float32 result. An architecture has new weights: they change nothing about its speed.
"""

import argparse
import collections
import datetime
import importlib.metadata
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from speed import device

PRESETS = ("edsr-x4", "srresnet-x4")
ONNX, OPENVINO = PEERS = ("onnxruntime", "openvino")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=PRESETS, help="presets, files or architectures (%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="(%(default)s)")
    parser.add_argument("--side", type=int, default=256, help="of the LR image, px (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timed in a row and round (%(default)s)")
    parser.add_argument("--row", nargs=4, help=argparse.SUPPRESS)  # what a child measures, and where models lie
    options = parser.parse_args()
    if options.row:
        engine, *row = options.row
        print(json.dumps(export(*row[::2], options) if engine == "export" else measure(engine, *row, options)))
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(options, folder)


def report(options: argparse.Namespace, folder: str) -> None:
    """Measures all rows, and prints them as a table in Markdown."""
    peers = [peer for peer in PEERS if importlib.util.find_spec(peer) and importlib.util.find_spec("tf2onnx")]
    rows = [(engine, model, "float32") for model in options.model for engine in ("srkit", *peers)]
    rows += [(engine, model, "bfloat16") for model in options.model for engine in ("srkit", *peers) if engine != ONNX]
    for model in options.model:
        run_child(("export", model, "float32", folder), options)
    results = collections.defaultdict(list)
    for number in range(options.rounds):
        for row in rows:
            print(f"round {number + 1} of {options.rounds}: {' '.join(row):40}", end="\r", file=sys.stderr, flush=True)
            results[row].append(run_child((*row, folder), options))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", *peers))
    print(f"{datetime.date.today()}, {device()}, {versions}")
    size = f"{options.side}x{options.side} px"
    print(f"\nOne LR image of {size}, x4; {options.threads} threads; {options.rounds} rounds.\n")
    print("| model | engine | precision | s an image | processor's s | MP out/s | peak memory | within 1 level |")
    print("|---|---|---|---|---|---|---|---|")
    megapixels = (4 * options.side) ** 2 / 1e6
    for engine, model, precision in sorted(rows, key=lambda row: row[1]):
        best = min(results[engine, model, precision], key=lambda result: result["seconds"])
        used = min(result["processor_seconds"] for result in results[engine, model, precision])
        times = f"{best['seconds']:.3f} | {used:.3f} | {megapixels / best['seconds']:.2f}"
        print(f"| {model} | {engine} | {precision} | {times} | {best['gib']:.2f} GiB | {100 * best['near']:.2f} % |")


def run_child(row: tuple[str, ...], options: argparse.Namespace) -> dict:
    numbers = (f"--{name}={getattr(options, name)}" for name in ("side", "repeats", "threads"))
    command = [sys.executable, __file__, "--row", *row, *numbers]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        sys.exit(f"The row {' '.join(row)} failed:\n{child.stderr[-2000:]}")
    return json.loads(child.stdout.splitlines()[-1])


def measure(engine: str, name: str, precision: str, folder: str, options: argparse.Namespace) -> dict:
    """One row: seconds of the clock and of the processor, memory, and the share that is near Keras' own result."""
    from srkit.image import to_uint8

    lr, stem = photograph(options.side), str(Path(folder, Path(name).stem))
    expected = np.load(f"{stem}.npy")
    prepare = {"srkit": with_srkit, ONNX: with_onnx_runtime, OPENVINO: with_openvino}[engine]
    apply = prepare(name if engine == "srkit" else f"{stem}.onnx", precision, options.threads)
    near = float((np.abs(to_uint8(apply(lr)) - expected.astype(int)) <= 1).mean())
    seconds, processor_seconds = [], []
    for _ in range(options.repeats):
        started = time.perf_counter(), time.process_time()
        apply(lr)
        seconds.append(time.perf_counter() - started[0])
        processor_seconds.append(time.process_time() - started[1])
    return {
        "seconds": statistics.median(seconds),
        "processor_seconds": statistics.median(processor_seconds),
        "near": near,
        "gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def loaded(name: str):
    """A model by its preset, file or architecture."""
    import keras

    import srkit

    keras.utils.set_random_seed(0)
    return srkit.models.MODELS[name](scale=4) if name in srkit.models.MODELS else srkit.load_model(name)


def with_srkit(name: str, precision: str, threads: int) -> Callable:
    import tensorflow as tf

    from srkit.inference import predictor_of

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(min(threads, 2))
    model = loaded(name)
    network = predictor_of(model, {"bfloat16": "mixed_bfloat16"}.get(precision, precision))
    return lambda batch, model=model: network(batch[0])[None]


def with_onnx_runtime(path: str, _: str, threads: int) -> Callable:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def with_openvino(path: str, precision: str, threads: int) -> Callable:
    import openvino

    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    # Its default counts physical cores, of which virtual machines report half as many as TensorFlow uses.
    options |= {"INFERENCE_NUM_THREADS": threads, "ENABLE_HYPER_THREADING": True}
    network = openvino.Core().compile_model(path, "CPU", options)
    return lambda batch: network(batch)[0]


def export(name: str, folder: str, options: argparse.Namespace) -> dict:
    """Writes what the rows of a model share: Keras' result, and an ONNX file for images of this size alone."""
    import keras

    from srkit.image import to_uint8

    model = loaded(name)
    lr = photograph(options.side)
    stem = Path(folder, Path(name).stem)
    np.save(f"{stem}.npy", to_uint8(np.asarray(model(lr))))
    if importlib.util.find_spec("tf2onnx"):
        image = keras.Input(lr.shape[1:], batch_size=1)
        fixed = keras.Model(image, model(image))
        fixed(np.zeros(lr.shape, np.float32))
        fixed.export(f"{stem}.onnx", format="onnx", verbose=False)
    return {}


def photograph(side: int) -> np.ndarray:
    import skimage.data

    from srkit.image import centre_crop

    return centre_crop(skimage.data.astronaut(), side, side)[None].astype(np.float32)


if __name__ == "__main__":
    main()
