"""Training speed on this machine: srkit against the machine's own limit, and against PyTorch where it is installed.

    pip install -r benchmarks/requirements-peers.txt        # PyTorch; without it, its rows are left out
    python benchmarks/speed.py --data DIR

Every row is measured in a process of its own, which gives it a peak of memory of its own; all rows take turns, round
after round, so that whatever else the machine does meets all alike. A row's time is its best round's median. The
ceiling is a product of two 4096x4096 matrices, in float32 and in bfloat16. `--profile edsr` says where a step's time
goes.
"""

import argparse
import collections
import datetime
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

BATCH, HR_PX = 16, 96
MODELS = ("edsr", "srresnet", "srgan")
NAMES = {"edsr": "EDSR-16", "srresnet": "SRResNet-16", "srgan": "SRGAN, VGG54"}
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="samples", help="photographs for the rows with the pipeline (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=10, help="timed in a row and round (%(default)s)")
    parser.add_argument("--profile", choices=MODELS, help="only say where the time of that model's bfloat16 step goes")
    parser.add_argument("--row", help=argparse.SUPPRESS)  # what a child measures
    options = parser.parse_args()
    if options.profile:
        profile(options.profile)
    elif options.row:
        print(json.dumps(measure(*options.row.split(), data=options.data, steps=options.steps)))
    else:
        report(options)


def report(options: argparse.Namespace) -> None:
    """Measures all rows, and prints them as a table in Markdown."""
    engines = ["srkit", "srkit+pipeline"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    rows = [f"ceiling - {precision}" for precision in PRECISIONS]
    rows += [f"{engine} {model} {precision}" for model in MODELS for engine in engines for precision in PRECISIONS]
    results = collections.defaultdict(list)
    for number in range(options.rounds):
        for row in rows:
            print(f"round {number + 1} of {options.rounds}: {row:40}", end="\r", file=sys.stderr, flush=True)
            results[row].append(run_child(row, options))
    best = {row: min(measured, key=lambda result: result["seconds"]) for row, measured in results.items()}
    ceilings = {precision: best[f"ceiling - {precision}"] for precision in PRECISIONS}
    print(f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, {versions()}")
    for precision, result in ceilings.items():
        print(f"ceiling in {precision}: {result['flops'] / result['seconds'] / 1e9:.0f} GFLOP/s")
    print(f"\nBatches of {BATCH} crops of {HR_PX}x{HR_PX} px, x4; best of {options.rounds} rounds.\n")
    print("| training step | engine | precision | s a step | images/s | share of ceiling | peak memory |")
    print("|---|---|---|---|---|---|---|")
    for row in rows[len(PRECISIONS) :]:
        engine, model, precision = row.split()
        seconds, ceiling = best[row]["seconds"], ceilings[precision]
        flops = best[f"srkit {model} {precision}"]["flops"]
        share = flops / seconds / (ceiling["flops"] / ceiling["seconds"])
        memory = best[row]["peak_gib"]
        cells = (NAMES[model], engine, precision, f"{seconds:.3f}", f"{BATCH / seconds:.1f}", f"{share:.0%}")
        print("| " + " | ".join(cells) + f" | {memory:.2f} GiB |")
    for model in MODELS:
        mine = min(best[f"srkit {model} {precision}"]["seconds"] for precision in PRECISIONS)
        fed = min(best[f"srkit+pipeline {model} {precision}"]["seconds"] for precision in PRECISIONS)
        line = f"\n{NAMES[model]}: with the pipeline {fed / mine:.3f} of the time without"
        if "torch" in engines:
            peer = min(best[f"torch {model} {precision}"]["seconds"] for precision in PRECISIONS)
            line += f"; srkit's best takes {mine / peer:.2f} of PyTorch's best"
        print(line)


def run_child(row: str, options: argparse.Namespace) -> dict:
    command = [sys.executable, __file__, "--row", row, "--data", options.data, "--steps", str(options.steps)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        sys.exit(f"The row {row} failed:\n{child.stderr[-2000:]}")
    return json.loads(child.stdout.splitlines()[-1])


def measure(engine: str, model: str, precision: str, data: str, steps: int) -> dict:
    """One row: seconds a step, floating-point operations of its convolutions, peak memory of the process."""
    if engine == "torch":
        import torch_peers

        step, flops = torch_peers.training_step(model, precision, BATCH, HR_PX), None
    elif engine == "ceiling":
        step, flops = matrix_product(precision)
    else:
        step, flops = srkit_step(model, precision, data if engine == "srkit+pipeline" else None)
    for _ in range(3):
        step()
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
    return {"seconds": statistics.median(seconds), "flops": flops, "peak_gib": peak_gib()}


def matrix_product(precision: str) -> tuple[Callable, float]:
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((4096, 4096)), precision)
    return lambda: tf.matmul(matrix, matrix).numpy(), 2 * 4096**3


def srkit_step(model: str, precision: str, data: str | None) -> tuple[Callable, float]:
    """A training step on a constant batch, or on those of a source."""
    import tensorflow as tf

    import srkit

    trainer = make_trainer(model, precision)
    if data:
        batches = iter(srkit.data.load(data)[0].batches(BATCH, HR_PX))
    else:
        constant = [tf.random.uniform((BATCH, side, side, 3), maxval=255) for side in (HR_PX // 4, HR_PX)]
        batches = iter(lambda: constant, None)
    flops = convolution_flops(trainer.train_step.get_concrete_function(*next(batches)).graph)

    def step() -> None:
        losses = trainer.train_step(*next(batches))
        next(iter(losses.values())).numpy()

    return step, flops


def make_trainer(model: str, precision: str):
    import keras

    import srkit
    from srkit.training import GanOptions, TrainOptions

    run_dir, precision = tempfile.mkdtemp(), {"bfloat16": "mixed_bfloat16"}.get(precision, precision)
    if model == "edsr":
        return srkit.PreTrainer(srkit.models.edsr(), run_dir, TrainOptions(losses={"l1": 1}, precision=precision))
    if model == "srresnet":
        return srkit.PreTrainer(srkit.models.srresnet(), run_dir, TrainOptions(precision=precision))
    vgg_weights = Path(run_dir, "vgg19.weights.h5")  # random: a step takes as long with them
    keras.applications.VGG19(include_top=False, weights=None).save_weights(vgg_weights)
    discriminator = srkit.models.discriminator(HR_PX)
    options = GanOptions(vgg_weights=vgg_weights, precision=precision, patch_size=HR_PX)
    return srkit.GanTrainer(srkit.models.srresnet(), discriminator, run_dir, options)


def convolution_flops(graph) -> float:
    """Floating-point operations of a graph's convolutions and matrix products, multiplications and additions."""
    total = 0
    for operation in graph.get_operations():
        inputs, outputs = operation.inputs, operation.outputs
        if operation.type == "Conv2D":
            total += 2 * outputs[0].shape.num_elements() * inputs[1].shape[:3].num_elements()
        elif operation.type == "Conv2DBackpropInput":
            total += 2 * inputs[2].shape.num_elements() * inputs[1].shape[:3].num_elements()
        elif operation.type == "Conv2DBackpropFilter":
            total += 2 * inputs[2].shape.num_elements() * outputs[0].shape[:3].num_elements()
        elif operation.type == "MatMul":
            side = inputs[0].shape[0 if operation.get_attr("transpose_a") else 1]
            total += 2 * outputs[0].shape.num_elements() * side
    return total


def profile(model: str) -> None:
    """Prints the operations that take most of a step, in milliseconds of processor time."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    steps = 5
    step, flops = srkit_step(model, "bfloat16", None)
    for _ in range(3):
        step()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        started = time.perf_counter()
        for _ in range(steps):
            step()
        seconds = (time.perf_counter() - started) / steps
        tf.profiler.experimental.stop()
        space = xplane_pb2.XSpace.FromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    times, counts = collections.Counter(), collections.Counter()
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            kind = plane.event_metadata[event.metadata_id].name.rpartition(":")
            if kind[1] and kind[2].strip("_").isidentifier():
                times[kind[2]] += event.duration_ps / 1e9 / steps
                counts[kind[2]] += 1
    print(f"{NAMES[model]}, bfloat16: {seconds:.3f} s a step, {flops / 1e9:.0f} GFLOP in convolutions and products")
    print("milliseconds of a step, all threads together; how often in a step; operation")
    for kind, milliseconds in times.most_common(16):
        print(f"{milliseconds:8.1f} {counts[kind] // steps:5} {kind}")


def peak_gib() -> float:
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def processor() -> str:
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
        flags = next((line for line in lines if line.startswith("flags")), "")
        found = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if f" {flag}" in flags]
        return f"{name} ({', '.join(found)})"
    return platform.processor()


def versions() -> str:
    packages = ["tensorflow", "keras"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)


if __name__ == "__main__":
    main()
