"""What downscaling costs: srkit's antialiased bicubic, against decoding the same photograph's JPEG.

python benchmarks/resize.py --data FOLDER
"""

import argparse
import io
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from srkit.image import SCALES, crop_to_multiple, downscale, list_images, read_image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of photographs")
    parser.add_argument("--count", type=int, default=20, help="photographs (%(default)s)")
    options = parser.parse_args()

    ratios = {scale: [] for scale in SCALES}
    for path in list_images(options.data)[: options.count]:
        hr = read_image(path)
        jpeg = io.BytesIO()
        Image.fromarray(hr).save(jpeg, "JPEG", quality=90)
        decoding = seconds(lambda jpeg=jpeg: np.asarray(Image.open(jpeg)))
        for scale in SCALES:
            cropped = crop_to_multiple(hr, scale)
            ratios[scale].append(seconds(lambda hr=cropped, scale=scale: downscale(hr, scale)) / decoding)
    for scale, values in ratios.items():
        print(f"x{scale}: {np.median(values):.2f} times the time of decoding ({max(values):.2f} at most)")


def seconds(function: Callable) -> float:
    """The shortest of ten runs."""
    times = []
    for _ in range(10):
        started = time.perf_counter()
        function()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
