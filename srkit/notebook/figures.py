"""Figures for notebooks and reports."""

import math
import time

import cv2
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from srkit.evaluation import metrics


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
    side = max(1, min(height, width) // 4)
    top, left, side = zoom or ((height - side) // 2, (width - side) // 2, side)
    size = (2.6 * len(columns), 2.6 * (height / width + 1) + 0.5)
    ratios = {"height_ratios": (height / width, 1)}
    figure, axes = plt.subplots(2, len(columns), figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios)
    for (name, image), whole, crop in zip(columns.items(), *axes):
        start_y, start_x, stop_y, stop_x = (at * image.shape[0] / height for at in (top, left, top + side, left + side))
        whole.imshow(_thinned(image), extent=_extent(0, 0, *image.shape[:2]))
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


class LivePlot:
    """A figure that follows a training: give it to `train` as a callback, in a notebook.

    It is drawn once; later only its lines get longer.

    Args:
        names: As in `learning_curves`.
        seconds: At least so long from one update to the next, but for validations.
    """

    def __init__(self, names: tuple[str, ...] = ("loss", "psnr+bicubic_psnr"), seconds: float = 5):
        self._names = [joined.split("+") for joined in names]
        self._seconds = seconds

    def __call__(self, event: str, trainer) -> None:
        if event == "start":
            self._start(trainer.history)
        if event == "step":
            self._add(trainer.entry)
        if event in ("validation", "end") or time.monotonic() - self._updated > self._seconds:
            self._update()

    def _start(self, history: list[dict]) -> None:
        count = len(self._names)
        self._figure, axes = plt.subplots(1, count, figsize=(4.2 * count, 3), squeeze=False, layout="constrained")
        self._lines = {}
        for axis, names in zip(axes[0], self._names):
            self._lines |= {name: axis.plot([], [], label=name)[0] for name in names}
            axis.set_xlabel("step")
            axis.legend(loc="best")
            axis.grid(alpha=0.3)
        self._points = {name: ([], []) for name in self._lines}
        for entry in history:
            self._add(entry)
        self._display = display(self._figure, display_id=True)
        self._updated = time.monotonic()
        plt.close(self._figure)  # or the notebook would show it once more when the cell ends

    def _add(self, entry: dict) -> None:
        for name, (steps, values) in self._points.items():
            if name in entry:
                steps.append(entry["step"])
                values.append(entry[name])

    def _update(self) -> None:
        for name, (steps, values) in self._points.items():
            line = self._lines[name]
            many = len(steps) > 100  # a loss, which is there at each step
            line.set_data(*_smoothed(np.array(steps), np.array(values), 50) if many else (steps, values))
            line.set_marker("o" if len(steps) < 30 else "")
            line.axes.relim()
            line.axes.autoscale_view()
        if self._display is not None:  # outside of notebooks there is nothing to update
            self._display.update(self._figure)
        self._updated = time.monotonic()


def _extent(top: int, left: int, bottom: int, right: int) -> tuple[float, float, float, float]:
    """Where Matplotlib draws these rows and columns: a pixel's middle has its number."""
    return left - 0.5, right - 0.5, bottom - 0.5, top - 0.5


def _thinned(image: np.ndarray, max_side_px: int = 2048) -> np.ndarray:
    """An image with no more pixels than a figure can show: Matplotlib needs much memory for each."""
    factor = -(-max(image.shape) // max_side_px)
    size = -(-image.shape[1] // factor), -(-image.shape[0] // factor)
    return image if factor == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _numbers(hr: np.ndarray | None, image: np.ndarray, border: int) -> str:
    if hr is None or hr.shape != image.shape:
        return f"{image.shape[1]}x{image.shape[0]} px"
    psnr, ssim = (metric(hr, image, border=border, luma=True) for metric in (metrics.psnr, metrics.ssim))
    return f"{psnr:.2f} dB, SSIM {ssim:.4f}"


def _smoothed(steps: np.ndarray, values: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    means = np.convolve(values, np.ones(window) / window, mode="valid")
    return steps[window - 1 :], means
