"""How near the presets in bfloat16 are to themselves in float32.

python benchmarks/bfloat16.py --data DIR

Prints, for each preset, the share of an image's values that are at most one grey level off after rounding: the mean
over the images, and the worst image's.
"""

import argparse

import numpy as np

import srkit
from srkit.image import crop_to_multiple, downscale, list_images, read_image, to_uint8
from srkit.inference import predictor_of
from srkit.models import scale_of
from srkit.models.presets import GENERATORS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of images, reduced by each preset's scale")
    options = parser.parse_args()

    originals = [read_image(path) for path in list_images(options.data)]
    print(f"{len(originals)} images of {options.data}: values within one grey level of float32")
    for name in GENERATORS:
        model = srkit.load_model(name)
        scale = scale_of(model)
        lrs = [downscale(crop_to_multiple(hr, scale), scale) for hr in originals]
        shares = [share_within_one(model, lr) for lr in lrs]
        print(f"{name:20} {100 * np.mean(shares):6.2f} %   worst image {100 * min(shares):6.2f} %", flush=True)


def share_within_one(model, lr: np.ndarray) -> float:
    fast, exact = (
        to_uint8(predictor_of(model, precision)(lr.astype(np.float32))).astype(int)
        for precision in ("mixed_bfloat16", "float32")
    )
    return float((np.abs(fast - exact) <= 1).mean())


if __name__ == "__main__":
    main()
