"""Figures for notebooks and reports."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from srkit import metrics


def show_batch(lr: np.ndarray, hr: np.ndarray, count: int = 6) -> Figure:
    """Shows the first crops of a batch, LR above HR.

    Args:
        lr: Array of shape (batch, height, width, 3) in [0, 255].
        hr: The same crops, `scale` times as high and wide.
        count: How many.
    """
    count = min(count, len(lr))
    figure, axes = plt.subplots(2, count, figsize=(1.8 * count, 3.8), squeeze=False, layout="constrained")
    for row, (name, batch) in enumerate((("LR", lr), ("HR", hr))):
        for axis, image in zip(axes[row], batch):
            axis.imshow(np.asarray(image).astype(np.uint8), interpolation="nearest")
            axis.set_title(f"{name} {image.shape[1]}x{image.shape[0]}", fontsize=9)
            axis.axis("off")
    return figure


def compare(columns: dict[str, np.ndarray], zoom: tuple[int, int, int] | None = None, border: int = 4) -> Figure:
    """Sets versions of one image side by side, a zoomed crop under each, with numbers against the original.

    Args:
        columns: Name to uint8 RGB image. Smaller ones are drawn at their true relative size, and cropped to the same
            part. Where one is named "HR", those of its size get their PSNR and SSIM against it (Y channel).
        zoom: `(top, left, side)` of the crop to enlarge, in px of the largest image; the middle without.
        border: Pixels cut from each side before scoring.
    """
    height, width = max(image.shape[:2] for image in columns.values())
    side = min(height, width) // 4
    top, left, side = zoom or ((height - side) // 2, (width - side) // 2, side)
    size = (2.6 * len(columns), 2.6 * (height / width + 1) + 0.5)
    ratios = {"height_ratios": (height / width, 1)}
    figure, axes = plt.subplots(2, len(columns), figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios)
    for (name, image), whole, crop in zip(columns.items(), *axes):
        factor = height / image.shape[0]
        whole.imshow(image)
        whole.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5), title=name)
        whole.add_patch(Rectangle((left / factor, top / factor), side / factor, side / factor, fill=False, color="red"))
        down, across = (slice(round(start / factor), round((start + side) / factor)) for start in (top, left))
        crop.imshow(image[down, across], interpolation="nearest")
        crop.set_xlabel(_numbers(columns.get("HR"), image, border) if name != "HR" else "original")
        for axis in (whole, crop):
            axis.set(xticks=[], yticks=[])
    return figure


def learning_curves(history: list[dict], names: tuple[str, ...], smooth: int = 50) -> Figure:
    """Plots values of a history over the steps, each in a panel of its own.

    Args:
        history: What `train` returned.
        names: Which values; several in one panel are joined by "+", as in "psnr+bicubic_psnr".
        smooth: Steps over which values that are there at each step are averaged.
    """
    figure, axes = plt.subplots(1, len(names), figsize=(4.2 * len(names), 3), squeeze=False, layout="constrained")
    for axis, joined in zip(axes[0], names):
        for name in joined.split("+"):
            steps, values = zip(*((entry["step"], entry[name]) for entry in history if name in entry))
            if len(steps) == len(history):
                steps, values = _smoothed(np.array(steps), np.array(values), min(smooth, len(steps)))
            axis.plot(steps, values, label=name, marker="o" if len(steps) < 30 else None)
        axis.set_xlabel("step")
        axis.legend()
        axis.grid(alpha=0.3)
    return figure


def _numbers(hr: np.ndarray | None, image: np.ndarray, border: int) -> str:
    if hr is None or hr.shape != image.shape:
        return f"{image.shape[1]}x{image.shape[0]} px"
    psnr, ssim = (metric(hr, image, border=border, luma=True) for metric in (metrics.psnr, metrics.ssim))
    return f"{psnr:.2f} dB, SSIM {ssim:.4f}"


def _smoothed(steps: np.ndarray, values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    means = np.convolve(values, np.ones(window) / window, mode="valid")
    return steps[window - 1 :], means
