"""What PSNR does not see: how far models' images are from originals in sharpness, texture, colour and false patterns.

python benchmarks/realism.py --data DIR --model edsr-x4 srresnet-x4

For each model, in comparison with the originals (HR):
  VGG     distance of VGG19's relu5_4 features (root of their mean squared difference), and against the first model's
  sharp   variance of the Laplacian of the Y channel, divided by the original's: the median over images
  colour  the greatest difference, of any image and channel, between the mean of SR and of LR, in grey levels
  grid    the spectrum's power at multiples of 1/4 cycle per px, where upsampling leaves its grid, in both directions:
          the greatest ratio of SR's to HR's. From Hann windows of 128x128 px
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import srkit
from srkit import losses
from srkit.evaluation import checkerboard_power, colour_shift, psnr
from srkit.image import crop_to_multiple, downscale, interpolate, list_images, read_image, to_uint8, y_channel
from srkit.inference.upscaling import predict


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of HR images")
    parser.add_argument("--scale", type=int, default=4, help="(%(default)s)")
    parser.add_argument("--model", nargs="+", required=True, help="presets or paths")
    options = parser.parse_args()

    originals = [crop_to_multiple(read_image(path), options.scale) for path in list_images(options.data)]
    pairs = [(downscale(hr, options.scale), hr) for hr in originals]
    reconstructions = {"bicubic": [interpolate(lr, options.scale) for lr, _ in pairs]}
    for name in options.model:
        model = srkit.load_model(name)
        reconstructions[Path(name).name] = [to_uint8(predict(model, lr)) for lr, _ in pairs]

    vgg = losses.VGG54()
    features = [vgg_features(vgg, hr) for hr in originals]
    distances = {name: vgg_distance(vgg, features, srs) for name, srs in reconstructions.items()}
    first = distances[Path(options.model[0]).name]
    print(f"{len(pairs)} images of {options.data}, x{options.scale}; PSNR on the Y channel, border {options.scale} px")
    print(f"{'model':32} PSNR dB    VGG  against {Path(options.model[0]).name:14} sharp  colour   grid")
    for name, srs in reconstructions.items():
        score = np.mean([psnr(hr, sr, border=options.scale, channel="y") for hr, sr in zip(originals, srs)])
        sharp = np.median([sharpness(sr) / sharpness(hr) for hr, sr in zip(originals, srs)])
        colour = max(colour_shift(lr, sr) for (lr, _), sr in zip(pairs, srs))
        grid = np.max(checkerboard_power(srs) / checkerboard_power(originals))
        against = f"{100 * (distances[name] / first - 1):+.1f} %"
        print(f"{name:32} {score:7.2f} {distances[name]:6.4f}  {against:>22} {sharp:5.2f} {colour:7.2f} {grid:6.2f}")


def vgg_features(vgg: losses.VGGLoss, image: np.ndarray) -> np.ndarray:
    return np.asarray(vgg.features(image[None].astype(np.float32)))


def vgg_distance(vgg: losses.VGGLoss, features: list[np.ndarray], srs: list[np.ndarray]) -> float:
    squares = [np.mean(np.square(hr - vgg_features(vgg, sr))) for hr, sr in zip(features, srs)]
    return float(np.sqrt(np.mean(squares)))


def sharpness(image: np.ndarray) -> float:
    return float(cv2.Laplacian(y_channel(image).astype(np.float64), cv2.CV_64F).var())


if __name__ == "__main__":
    main()
