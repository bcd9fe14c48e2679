"""Figures for notebooks and reports: crops, versions of one image side by side, curves of a training."""

import math

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from srkit.evaluation import psnr, ssim


def show_batch(lr: np.ndarray, hr: np.ndarray, count: int = 6) -> Figure:
    """Shows the first crops of a batch, LR above HR.

    Args:
        lr: Array of shape (batch, height, width, 3) in [0, 255].
        hr: The same crops, `scale` times as high and wide.
        count: Number of crops to show.

    ```python
    show_batch(*next(iter(train.batches(16, 96, seed=0))))
    ```
    """
    count = min(count, len(lr))
    figure, axes = plt.subplots(2, count, figsize=(1.8 * count, 3.8), squeeze=False, layout="constrained")
    for row, (name, batch) in enumerate((("LR", lr), ("HR", hr))):
        for axis, image in zip(axes[row], batch):
            axis.imshow(np.asarray(image).astype(np.uint8), interpolation="nearest")
            axis.set_title(f"{name} {image.shape[1]}x{image.shape[0]}", fontsize=9)
            axis.axis("off")
    return figure


def comparison_figure(
    columns: dict[str, np.ndarray], zoom: tuple[int, int, int] | None = None, border: int = 4
) -> Figure:
    """Shows versions of one image side by side, with a zoomed crop under each and its scores against the original.

    Args:
        columns: Names with uint8 RGB images. Smaller images are drawn at their relative size, and their crops show
            the same part. If one is named "HR", each other image of its size gets its PSNR and SSIM (Y channel).
        zoom: `(top, left, side)` of the crop, in pixels of the largest image. Default: a square in the middle.
        border: Number of pixels that are cut from each side before scoring.

    ```python
    comparison_figure({"LR": lr, "bicubic": interpolate(lr, 4), "SR": srkit.upscale(lr, model), "HR": hr})
    ```
    """
    height, width = max(image.shape[:2] for image in columns.values())
    side = max(1, min(height, width) // 4)
    top, left, side = zoom or ((height - side) // 2, (width - side) // 2, side)
    size = (2.6 * len(columns), 2.6 * (height / width + 1) + 0.5)
    ratios = {"height_ratios": (height / width, 1)}
    figure, axes = plt.subplots(2, len(columns), figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios)
    for (name, image), whole, crop in zip(columns.items(), *axes):
        start_y, start_x, stop_y, stop_x = (at * image.shape[0] / height for at in (top, left, top + side, left + side))
        whole.imshow(_reduced(image), extent=_extent(0, 0, *image.shape[:2]))
        whole.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=name)
        corner = (start_x - 0.5, start_y - 0.5)
        whole.add_patch(Rectangle(corner, stop_x - start_x, stop_y - start_y, fill=False, color="red"))
        touched = int(start_y), int(start_x), math.ceil(stop_y), math.ceil(stop_x)
        pixels = image[touched[0] : touched[2], touched[1] : touched[3]]
        crop.imshow(pixels, interpolation="nearest", extent=_extent(*touched))
        crop.set(xlim=(start_x - 0.5, stop_x - 0.5), ylim=(stop_y - 0.5, start_y - 0.5))
        crop.set_xlabel(_numbers(columns.get("HR"), image, border) if name != "HR" else "original")
        for axis in (whole, crop):
            axis.set(xticks=[], yticks=[])
    return figure


def learning_curves(history: list[dict], names: tuple[str, ...], smooth: int = 50) -> Figure:
    """Plots values of a training's history over its steps, each in a panel of its own.

    Args:
        history: What `train` returned.
        names: The values to plot. Those that share a panel are joined by "+", as in "psnr+bicubic_psnr".
        smooth: Number of steps to average over. It applies to values of every step, such as losses.
    """
    figure, axes = plt.subplots(1, len(names), figsize=(4.2 * len(names), 3), squeeze=False, layout="constrained")
    for axis, joined in zip(axes[0], names):
        for name in joined.split("+"):
            steps, values = zip(*((entry["step"], entry[name]) for entry in history if name in entry))
            if len(steps) == len(history):
                steps, values = smoothed(np.array(steps), np.array(values), min(smooth, len(steps)))
            axis.plot(steps, values, label=name, marker="o" if len(steps) < 30 else None)
        axis.set_xlabel("step")
        axis.legend()
        axis.grid(alpha=0.3)
    return figure


def _extent(top: int, left: int, bottom: int, right: int) -> tuple[float, float, float, float]:
    """The `extent` by which Matplotlib draws these rows and columns, so that pixel n has its middle at n."""
    return left - 0.5, right - 0.5, bottom - 0.5, top - 0.5


def _reduced(image: np.ndarray, max_side_px: int = 2048) -> np.ndarray:
    """The image, reduced to what a figure can show: Matplotlib needs much memory for each pixel."""
    factor = -(-max(image.shape) // max_side_px)
    size = -(-image.shape[1] // factor), -(-image.shape[0] // factor)
    return image if factor == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _numbers(hr: np.ndarray | None, image: np.ndarray, border: int) -> str:
    if hr is None or hr.shape != image.shape:
        return f"{image.shape[1]}x{image.shape[0]} px"
    psnr_db, similarity = (metric(hr, image, border=border, channel="y") for metric in (psnr, ssim))
    return f"{psnr_db:.2f} dB, SSIM {similarity:.4f}"


def smoothed(steps: np.ndarray, values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each `window` successive values, and the last step of each."""
    means = np.convolve(values, np.ones(window) / window, mode="valid")
    return steps[window - 1 :], means
