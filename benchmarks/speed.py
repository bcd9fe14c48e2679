"""Speed on the device that is there, a GPU or the CPU: srkit against the device's own limit, PyTorch and JAX.

    pip install -r benchmarks/requirements-peers.txt    # PyTorch and JAX; without them, their rows are left out
    python benchmarks/speed.py --data DIR
    python benchmarks/speed.py --models edsr --rounds 1 --steps 2    # a few minutes, to see that it runs

Every row is measured in a process of its own, which gives it a peak of memory of its own; all rows take turns, round
after round, so that whatever else the machine does meets all alike. A row's time is its best round's median. The
ceiling is a product of two matrices (4096x4096, on a GPU 16384x16384), in float32 and in bfloat16.
"srkit" is the training step on one batch, "srkit+pipeline" the step fed by the pipeline, "srkit+train" the whole
`train` with its callbacks. A row that fails is named, and the others are measured. `--profile edsr` says where a step's
time goes.
"""

import argparse
import collections
import datetime
import importlib.metadata
import importlib.util
import itertools
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
PEERS = [name for name in ("torch", "jax") if importlib.util.find_spec(name)]
PHOTO_PX = (1224, 1632)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="samples", help="photographs for the rows with the pipeline (%(default)s)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="(all)")
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
    rows = [f"ceiling - {precision}" for precision in PRECISIONS]
    rows += [
        f"{engine} {model} {precision}"
        for model in options.models
        for engine in ("srkit", "srkit+pipeline", "srkit+train", *PEERS)
        for precision in PRECISIONS
        if (engine, model) != ("jax", "srgan")
    ]
    rows += [f"upscale edsr-x4 {precision}" for precision in PRECISIONS]
    results = collections.defaultdict(list)
    for number in range(options.rounds):
        for row in rows:
            print(f"round {number + 1} of {options.rounds}: {row:40}", end="\r", file=sys.stderr, flush=True)
            results[row] += run_child(row, options)
    best = {row: min(measured, key=lambda result: result["seconds"]) for row, measured in results.items() if measured}
    print(f"{datetime.date.today()}, {run_child('device - -', options)[0]['device']}, {versions()}")
    ceilings = {name: best.get(f"ceiling - {name}") for name in PRECISIONS}
    for precision, result in ceilings.items():
        if result:
            print(f"ceiling in {precision}: {result['flops'] / result['seconds'] / 1e9:.0f} GFLOP/s")
    print(f"\nBatches of {BATCH} crops of {HR_PX}x{HR_PX} px, x4; best of {options.rounds} rounds.\n")
    print("| training step | engine | precision | ms a step | steps/s | share of ceiling | peak memory |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        engine, model, precision = row.split()
        if model in MODELS and row in best:
            print_row(best[row], engine, model, precision, ceilings[precision], best.get(f"srkit {model} {precision}"))
    print_summary(best, options.models)


def print_row(result: dict, engine: str, model: str, precision: str, ceiling: dict | None, step: dict | None) -> None:
    seconds, share = result["seconds"], "?"
    if step and ceiling:
        share = f"{step['flops'] / seconds / (ceiling['flops'] / ceiling['seconds']):.0%}"
    cells = (NAMES[model], engine, precision, f"{1e3 * seconds:.1f}", f"{1 / seconds:.1f}", share)
    print("| " + " | ".join(cells) + f" | {result['peak_gib']:.2f} GiB |")


def print_summary(best: dict[str, dict], models: list[str]) -> None:
    """How much slower the whole loop is than the step, and how srkit compares with its peers; and upscaling."""

    def fastest(engine: str, model: str) -> float:
        rows = (f"{engine} {model} {precision}" for precision in PRECISIONS)
        return min((best[row]["seconds"] for row in rows if row in best), default=float("nan"))

    for model in models:
        mine = fastest("srkit", model)
        line = f"\n{NAMES[model]}: with the pipeline {fastest('srkit+pipeline', model) / mine:.3f} of the time without"
        line += f", the whole `train` {fastest('srkit+train', model) / mine:.3f}"
        for peer in PEERS:
            line += f"; srkit's best step takes {mine / fastest(peer, model):.2f} of {peer}'s best"
        print(line)
    for precision in PRECISIONS:
        if result := best.get(f"upscale edsr-x4 {precision}"):
            height, width = PHOTO_PX
            print(f"\nedsr-x4, a photograph of {width}x{height} px, {precision}: {result['first']:.2f} s at the first "
                  f"call, then {result['seconds']:.3f} s")  # fmt: skip


def run_child(row: str, options: argparse.Namespace) -> list[dict]:
    """What a process measures of a row; nothing where it fails, which is said."""
    command = [sys.executable, __file__, "--row", row, "--data", options.data, "--steps", str(options.steps)]
    child = subprocess.run(command, capture_output=True, text=True)
    if child.returncode:
        print(f"The row {row} failed:\n{child.stderr[-2000:]}", file=sys.stderr)
        return []
    return [json.loads(child.stdout.splitlines()[-1])]


def measure(engine: str, model: str, precision: str, data: str, steps: int) -> dict:
    """One row: seconds a step, floating-point operations of its convolutions, peak memory."""
    if engine == "device":
        return {"device": device()}
    if engine == "upscale":
        return upscaling(model, precision, steps)
    if engine == "srkit+train":
        return {"seconds": seconds_of_train(model, precision, data, steps), "peak_gib": peak_gib(engine)}
    flops = None
    if engine == "torch":
        import torch_peers

        step = torch_peers.training_step(model, precision, BATCH, HR_PX)
    elif engine == "jax":
        import jax_peers

        step = jax_peers.training_step(model, precision, BATCH, HR_PX)
    elif engine == "ceiling":
        step, flops = matrix_product(precision)
    else:
        step, flops = srkit_step(model, precision, data if engine == "srkit+pipeline" else None)
    for _ in range(3):
        step()
    return {"seconds": statistics.median(timed(step, steps)), "flops": flops, "peak_gib": peak_gib(engine)}


def timed(call: Callable, repeats: int) -> list[float]:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return seconds


def upscaling(model: str, precision: str, repeats: int) -> dict:
    """A photograph, from pixels to pixels: the first call, which traces the network, and later ones."""
    import cv2
    import skimage.data

    import srkit

    lr, network = cv2.resize(skimage.data.astronaut(), PHOTO_PX[::-1]), srkit.load_model(model)
    precision = {"bfloat16": "mixed_bfloat16"}.get(precision, precision)
    first, *seconds = timed(lambda: srkit.upscale(lr, network, precision=precision), 1 + repeats)
    return {"seconds": statistics.median(seconds), "first": first, "peak_gib": peak_gib("srkit")}


def seconds_of_train(model: str, precision: str, data: str, calls: int) -> float:
    """Seconds a step of the whole `train`, between ends of its calls; the first two and the last are left out."""
    import srkit
    from srkit.training import Callback

    ends = []

    class Clock(Callback):
        def on_step_end(self, trainer):
            if trainer.is_call_end:
                ends.append((trainer.step, time.perf_counter()))

    trainer = make_trainer(model, precision)
    per_call = 50 if trainer.uses_xla else 1
    train, valid = srkit.data.load(data)
    trainer.train(train, valid.take(1), (calls + 4) * per_call, callbacks=[Clock()])
    pairs = list(itertools.pairwise(ends))[2:-1]
    return statistics.median((later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in pairs)


def matrix_product(precision: str) -> tuple[Callable, float]:
    import tensorflow as tf

    side = 16384 if tf.config.list_physical_devices("GPU") else 4096
    matrix = tf.cast(tf.random.normal((side, side)), precision)
    return lambda: tf.matmul(matrix, matrix)[:1].numpy(), 2 * side**3


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


def peak_gib(engine: str) -> float:
    """The most memory that the process has taken; on a GPU, the most of the GPU's."""
    if engine == "torch":
        import torch

        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated() / 2**30
    elif engine == "jax":
        import jax

        if statistics_of_gpu := jax.devices()[0].memory_stats():
            return statistics_of_gpu["peak_bytes_in_use"] / 2**30
    else:
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**30
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def device() -> str:
    """The GPU, or else the processor with what it has for matrices."""
    import srkit.devices

    if srkit.devices.gpus():
        return srkit.devices.device_name()
    name, found = platform.processor(), []
    if Path("/proc/cpuinfo").is_file():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
        flags = next((line for line in lines if line.startswith("flags")), "")
        found = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if f" {flag}" in flags]
    return f"{name} ({', '.join(found)}), {os.cpu_count()} cores"


def versions() -> str:
    return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("tensorflow", "keras", *PEERS))


if __name__ == "__main__":
    main()
