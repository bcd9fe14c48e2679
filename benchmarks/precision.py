"""What mixed_bfloat16 costs in quality: the same trainings in both precisions, for several seeds, on validation images.

python benchmarks/precision.py --data DIR
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import keras

import srkit

PRECISIONS = ("float32", "mixed_bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="samples", help="a source or a folder of photographs (%(default)s)")
    parser.add_argument("--steps", type=int, default=2000, help="(%(default)s)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (%(default)s)")
    options = parser.parse_args()

    train, valid = srkit.data.load(options.data)
    valid = valid.take(20)
    print(f"EDSR 32x4, L1, cosine from 1e-3, {options.steps} steps of 16 crops; {len(valid)} images, Y, border 4")
    differences = []
    for seed in range(options.seeds):
        scores = [score(train, valid, options.steps, seed, precision) for precision in PRECISIONS]
        differences.append(scores[1] - scores[0])
        print(f"seed {seed}: float32 {scores[0]:.3f} dB, mixed_bfloat16 {scores[1]:.3f} dB: {differences[-1]:+.3f}")
    print(f"mean difference {statistics.mean(differences):+.3f} dB")


def score(train, valid, steps: int, seed: int, precision: str) -> float:
    """PSNR in validation after a training."""
    keras.utils.set_random_seed(seed)
    model = srkit.models.edsr(filters=32, num_blocks=4)
    options = srkit.TrainOptions(
        losses={"l1": 1},
        learning_rate=1e-3,
        schedule="cosine",
        precision=precision,
        evaluate_every=steps,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        trainer = srkit.PreTrainer(model, Path(folder, "run"), options)
        return trainer.train(train, valid, steps)[-1]["psnr"]


if __name__ == "__main__":
    main()
