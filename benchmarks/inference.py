"""Inference speed on this machine: srkit against ONNX Runtime and OpenVINO on the exported model, where installed.

    pip install -r benchmarks/requirements-peers.txt        # rows of what is not installed are left out
    python benchmarks/inference.py

Every row is measured in a process of its own, and all rows take turns, round after round, so that whatever else the
machine does meets all alike. A row's time is its best round's median. The share is that of the values, in a photograph
that comes with scikit-image, which are at most one grey level from Keras' own float32 result.
"""

import argparse
import collections
import datetime
import importlib.metadata
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from speed import processor

PRESETS = ("edsr-x4", "srresnet-x4")
ONNX, OPENVINO = PEERS = ("onnxruntime", "openvino")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=256, help="of the LR image, px (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timed in a row and round (%(default)s)")
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)  # what a child measures
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(*options.row, side=options.side, repeats=options.repeats)))
    else:
        report(options)


def report(options: argparse.Namespace) -> None:
    """Measures all rows, and prints them as a table in Markdown."""
    peers = [peer for peer in PEERS if importlib.util.find_spec(peer) and importlib.util.find_spec("tf2onnx")]
    rows = [(engine, model, "float32") for model in PRESETS for engine in ("srkit", *peers)]
    rows += [(engine, model, "bfloat16") for model in PRESETS for engine in ("srkit", *peers) if engine != ONNX]
    results = collections.defaultdict(list)
    for number in range(options.rounds):
        for row in rows:
            print(f"round {number + 1} of {options.rounds}: {' '.join(row):40}", end="\r", file=sys.stderr, flush=True)
            results[row].append(run_child(row, options))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", *peers))
    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, {versions}")
    print(f"\nOne LR image of {options.side}x{options.side} px, x4; best of {options.rounds} rounds.\n")
    print("| preset | engine | precision | s an image | MP out/s | within 1 level |")
    print("|---|---|---|---|---|---|")
    megapixels = (4 * options.side) ** 2 / 1e6
    for engine, model, precision in sorted(rows, key=lambda row: row[1]):
        best = min(results[engine, model, precision], key=lambda result: result["seconds"])
        cells = (model, engine, precision, f"{best['seconds']:.3f}", f"{megapixels / best['seconds']:.2f}")
        print("| " + " | ".join(cells) + f" | {100 * best['within_one_level']:.2f} % |")


def run_child(row: tuple[str, str, str], options: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--row", *row, "--side", str(options.side), "--repeats", str(options.repeats)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        sys.exit(f"The row {' '.join(row)} failed:\n{child.stderr[-2000:]}")
    return json.loads(child.stdout.splitlines()[-1])


def measure(engine: str, name: str, precision: str, side: int, repeats: int) -> dict:
    """One row: seconds an image, and the largest difference from Keras' own result."""
    import skimage.data

    import srkit
    from srkit.image import centre_crop, to_uint8

    model = srkit.load_model(name)
    lr = centre_crop(skimage.data.astronaut(), side, side)[None].astype(np.float32)
    expected = to_uint8(np.asarray(model(lr))).astype(int)
    prepare = {"srkit": with_srkit, ONNX: with_onnx_runtime, OPENVINO: with_openvino}[engine]
    apply = prepare(model, precision, side)
    within_one_level = float((np.abs(to_uint8(apply(lr)) - expected) <= 1).mean())
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        apply(lr)
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds), "within_one_level": within_one_level}


def with_srkit(model, precision: str, side: int) -> Callable:
    from srkit.inference import predictor_of

    network = predictor_of(model, {"bfloat16": "mixed_bfloat16"}.get(precision, precision))
    return lambda batch: network(batch[0])[None]


def with_onnx_runtime(model, _: str, side: int) -> Callable:
    import onnxruntime

    session = onnxruntime.InferenceSession(exported(model, side), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def with_openvino(model, precision: str, side: int) -> Callable:
    import openvino

    hint = {"float32": "f32", "bfloat16": "bf16"}[precision]
    options = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    # Its default counts physical cores, of which virtual machines report half as many as TensorFlow uses.
    options |= {"INFERENCE_NUM_THREADS": os.cpu_count(), "ENABLE_HYPER_THREADING": True}
    network = openvino.Core().compile_model(exported(model, side), "CPU", options)
    return lambda batch: network(batch)[0]


def exported(model, side: int) -> str:
    """The path of the model as an ONNX file, which both of the others read, for images of this size alone."""
    import keras

    path = str(Path(tempfile.mkdtemp(), "model.onnx"))
    lr = keras.Input((side, side, 3), batch_size=1)
    fixed = keras.Model(lr, model(lr))
    fixed(np.zeros(lr.shape, np.float32))
    fixed.export(path, format="onnx", verbose=False)
    return path


if __name__ == "__main__":
    main()
