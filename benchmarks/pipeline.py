"""What the data pipeline costs: a SRResNet training step fed by it, against the same step on one batch in memory.

    python benchmarks/pipeline.py --data samples

Blocks of both kinds take turns in one run, so that whatever else the machine does meets both alike.
"""

import argparse
import statistics
import tempfile
import time

import tensorflow as tf

import srkit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="samples", help="a source or a folder of photographs (%(default)s)")
    parser.add_argument("--blocks", type=int, default=8, help="of each kind (%(default)s)")
    parser.add_argument("--steps", type=int, default=8, help="in a block (%(default)s)")
    options = parser.parse_args()

    train, _ = srkit.data.load(options.data)
    with tempfile.TemporaryDirectory() as run_dir:
        trainer = srkit.PreTrainer(srkit.models.srresnet(), run_dir)
    fed = iter(train.batches(batch_size=16, patch_size=96))
    constant = tf.data.Dataset.from_tensors(next(fed)).cache().repeat()
    feeds = {"constant batch": iter(constant), "pipeline": fed}
    for feed in feeds.values():
        seconds_per_step(trainer, feed, 2)  # compiles, and fills the caches

    seconds = {name: [] for name in feeds}
    for _ in range(options.blocks):
        for name, feed in feeds.items():
            seconds[name].append(seconds_per_step(trainer, feed, options.steps))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    print(f"SRResNet x4, float32, batch 16, 96x96 HR crops, {len(train)} photographs of {options.data}")
    for name, median in medians.items():
        print(f"{name:15} {median:.3f} s a step (median of {options.blocks} blocks of {options.steps})")
    print(f"ratio           {medians['pipeline'] / medians['constant batch']:.3f}")


def seconds_per_step(trainer: srkit.PreTrainer, feed, steps: int) -> float:
    """Times training steps, the wait for their batches included."""
    started = time.perf_counter()
    for _ in range(steps):
        float(trainer.train_step(*next(feed))["loss"])
    return (time.perf_counter() - started) / steps


if __name__ == "__main__":
    main()
