"""What exactness costs: a 2-megapixel photograph enlarged in tiles that overlap by the receptive field, and whole.

python benchmarks/tiles.py

The memory limits are those of `--memory`, from the smallest up, since TensorFlow keeps what it once had.
"""

import argparse
import time

import cv2
import numpy as np
import skimage.data

import srkit
from srkit.inference import UpscaleOptions, predictor_of
from srkit.inference.upscaling import _plan, _Work, upscale_array

LIMITS = {"2 GiB": 2 * 2**30, "4 GiB": 4 * 2**30, "default": None, "unlimited": 2**50}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="edsr-x4", help="a preset or a path (%(default)s)")
    parser.add_argument("--precision", default="mixed_bfloat16", help="(%(default)s)")
    options = parser.parse_args()

    model = srkit.load_model(options.model)
    network = predictor_of(model, options.precision)
    lr = cv2.resize(skimage.data.astronaut(), (1632, 1224))
    network(lr[:64, :64])  # the first one also loads kernels
    work = _Work(lr, network, False, np.dtype(np.uint8))
    seconds, counts = {}, {}
    for limit, memory in LIMITS.items():
        counts[limit] = len(_plan(work, model, memory, "exact").tiles)
        started = time.perf_counter()
        upscale_array(lr, model, UpscaleOptions(memory=memory, precision=options.precision, overlap="exact"))
        seconds[limit] = time.perf_counter() - started
    print(f"{options.model}, {lr.shape[1]}x{lr.shape[0]} px in, {options.precision}")
    print("| memory | tiles | s | times the whole |")
    print("|---|---|---|---|")
    for limit, taken in seconds.items():
        print(f"| {limit} | {counts[limit]} | {taken:.2f} | {taken / seconds['unlimited']:.2f} |")


if __name__ == "__main__":
    main()
