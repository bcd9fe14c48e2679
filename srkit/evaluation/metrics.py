"""Measures of how near SR is to HR, with channel and border explicit, and the table of them."""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from srkit.errors import InputError, check_choice
from srkit.evaluation.dists_network import load_dists
from srkit.evaluation.protocols import CHANNELS, Protocol
from srkit.image import y_channel

_SSIM_WINDOW_PX = 11
_CHECKERBOARD_WINDOW_PX = 128


def psnr(hr: np.ndarray, sr: np.ndarray, *, border: int = 0, channel: str = "rgb") -> float:
    """Peak signal-to-noise ratio: 10 log10(255² / MSE).

    Args:
        hr: The original, uint8 array of shape (height, width, 3), RGB.
        sr: The reconstruction, of the same shape and type.
        border: Number of pixels that are cut from each side first. Papers cut as many as the scale (EDSR), or 4
            (SRGAN).
        channel: `"y"` for the 8-bit Y channel (see `srkit.image.y_channel`), as in most papers, or `"rgb"`.

    Returns:
        The ratio in dB; infinite for equal images.

    Raises:
        InputError: The arrays are not two uint8 images of one shape, larger than the border.

    ```python
    sr = srkit.upscale(lr, model)
    print(f"{psnr(hr, sr, border=4, channel='y'):.2f} dB")
    ```
    """
    hr, sr = _prepare(hr, sr, border, channel)
    mse = np.mean(np.square(hr - sr))
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def ssim(hr: np.ndarray, sr: np.ndarray, *, border: int = 0, channel: str = "rgb") -> float:
    """Structural similarity (Wang et al. 2004): 11x11 Gaussian window, sigma 1.5, mean over the valid region.

    Args:
        hr: The original, uint8 array of shape (height, width, 3), RGB; at least 11 px a side inside the border.
        sr: The reconstruction, of the same shape and type.
        border: Number of pixels that are cut from each side first.
        channel: `"y"` or `"rgb"`, which is the mean over the three channels.

    Returns:
        The similarity, at most 1, which equal images reach.

    Raises:
        InputError: The arrays are not two uint8 images of one shape, or too small.
    """
    hr, sr = _prepare(hr, sr, border, channel)
    if min(hr.shape[:2]) < _SSIM_WINDOW_PX:
        raise InputError(f"SSIM needs at least 11x11 px inside the border; received {hr.shape[1]}x{hr.shape[0]}.")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_hr, mean_sr = _window_mean(hr), _window_mean(sr)
    variance_hr = _window_mean(hr * hr) - mean_hr**2
    variance_sr = _window_mean(sr * sr) - mean_sr**2
    covariance = _window_mean(hr * sr) - mean_hr * mean_sr
    similarity = (2 * mean_hr * mean_sr + c1) * (2 * covariance + c2)
    similarity /= (mean_hr**2 + mean_sr**2 + c1) * (variance_hr + variance_sr + c2)
    return float(similarity.mean())


def lpips(hr: np.ndarray, sr: np.ndarray, *, border: int = 0) -> float:
    """LPIPS (Zhang et al. 2018), with AlexNet, version 0.1: how different the images look to a network.

    Args:
        hr: The original, uint8 array of shape (height, width, 3), RGB; at least 31 px a side inside the border.
        sr: The reconstruction, of the same shape and type.
        border: Number of pixels that are cut from each side first.

    Returns:
        The distance, from 0 for equal images to about 1.

    Raises:
        InputError: The arrays are not two uint8 images of one shape, or too small.
    """
    hr, sr = _prepare(hr, sr, border)
    return float(_lpips_network()(hr[None], sr[None]))


def dists(hr: np.ndarray, sr: np.ndarray, *, border: int = 0) -> float:
    """DISTS (Ding et al. 2020): how different structure and texture are to a network. It needs `srkit[metrics]`.

    Args:
        hr: The original, uint8 array of shape (height, width, 3), RGB; at least 16 px a side inside the border.
        sr: The reconstruction, of the same shape and type.
        border: Number of pixels that are cut from each side first.

    Returns:
        The distance, from 0 for equal images to about 1.

    Raises:
        InputError: The arrays are not two uint8 images of one shape, or DISTS cannot be loaded.
    """
    return load_dists()(*_prepare(hr, sr, border))


def colour_shift(lr: np.ndarray, sr: np.ndarray) -> float:
    """How far the mean colour of SR is from that of LR, in grey levels: the greatest difference of the channels.

    Args:
        lr: Array of shape (height, width, 3), RGB in [0, 255].
        sr: Its reconstruction, larger by the scale.
    """
    return float(np.abs(sr.mean(axis=(0, 1)) - lr.mean(axis=(0, 1))).max())


def checkerboard_power(images: Iterable[np.ndarray]) -> np.ndarray:
    """Power of the Y channel at the multiples of 1/4 cycle per pixel, where upsampling leaves its pattern.

    It is summed over Hann windows of 128x128 px. Compare that of SR with that of HR.

    Args:
        images: uint8 arrays of shape (height, width, 3), RGB, at least 128 px a side.

    Returns:
        The power at the 15 pairs of frequencies in both directions, without the mean.

    ```python
    print("times the originals':", np.max(checkerboard_power(srs) / checkerboard_power(hrs)))
    ```
    """
    side = _CHECKERBOARD_WINDOW_PX
    window = np.outer(np.hanning(side), np.hanning(side))
    power = np.zeros((side, side))
    for image in images:
        luma = y_channel(image).astype(np.float64)
        for top in range(0, luma.shape[0] - side + 1, side // 2):
            for left in range(0, luma.shape[1] - side + 1, side // 2):
                part = luma[top : top + side, left : left + side]
                power += np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
    return power[:: side // 4, :: side // 4].ravel()[1:]


@dataclass(frozen=True)
class Metric:
    """A measure of how near SR is to HR, and how tables show it.

    Attributes:
        function: Called with `(hr, sr, border=…)`, and with `channel=…` unless `rgb_only`; returns a number.
        name: Its name in tables.
        help: One sentence for people.
        digits: Number of decimals in tables.
        unit: Its unit, if it has one.
        higher_is_better: Whether a greater value is a better one.
        smallest_px: The shortest side that an image may have inside the border, in pixels.
        rgb_only: Whether it is taken of RGB whatever the protocol says.
        note: What a table must say of how it is taken, if anything.
    """

    function: Callable[..., float]
    name: str
    help: str
    digits: int = 4
    unit: str = ""
    higher_is_better: bool = True
    smallest_px: int = 1
    rgb_only: bool = False
    note: str = ""

    @property
    def label(self) -> str:
        """The heading of its column: name and unit."""
        return f"{self.name} {self.unit}".strip()

    def __call__(self, hr: np.ndarray, sr: np.ndarray, protocol: Protocol) -> float:
        """The value for two uint8 RGB images, by a protocol."""
        channel = {} if self.rgb_only else {"channel": protocol.channel}
        return self.function(hr, sr, border=protocol.border, **channel)

    def format(self, value: float) -> str:
        """The value as tables show it."""
        return f"{value:.{self.digits}f}"


# To add a metric: a function, and an entry here.
METRICS: dict[str, Metric] = {
    "psnr": Metric(psnr, "PSNR", "Peak signal-to-noise ratio.", digits=2, unit="dB"),
    "ssim": Metric(
        ssim,
        "SSIM",
        "Structural similarity.",
        smallest_px=_SSIM_WINDOW_PX,
        note="SSIM with Wang's 11x11 Gaussian",
    ),
    "lpips": Metric(
        lpips,
        "LPIPS",
        "Perceptual distance by AlexNet's features.",
        higher_is_better=False,
        smallest_px=31,
        rgb_only=True,
        note="LPIPS (AlexNet, version 0.1) of RGB: lower is better",
    ),
    "dists": Metric(
        dists,
        "DISTS",
        "Distance of structure and texture by VGG16's features; needs srkit[metrics].",
        higher_is_better=False,
        smallest_px=16,
        rgb_only=True,
        note="DISTS of RGB: lower is better",
    ),
}
DEFAULT_METRICS = ("psnr", "ssim", "lpips")


def get_metrics(names: Sequence[str]) -> dict[str, Metric]:
    """The metrics of these names.

    Raises:
        InputError: There is no such metric, or no name at all.
    """
    if not names:
        raise InputError(f"There is no metric to take: give at least one of {', '.join(METRICS)}.")
    for name in names:
        check_choice("metric", name, tuple(METRICS))
    if "dists" in names:
        load_dists()  # before hours of scoring, since it may not be there
    return {name: METRICS[name] for name in names}


@functools.cache
def _lpips_network() -> Callable:
    from srkit.losses import LPIPS  # here, since it imports Keras

    return LPIPS()


def _window_mean(image: np.ndarray) -> np.ndarray:
    taps = cv2.getGaussianKernel(_SSIM_WINDOW_PX, 1.5)
    return cv2.sepFilter2D(image, cv2.CV_64F, taps, taps)[5:-5, 5:-5]


def _prepare(hr: np.ndarray, sr: np.ndarray, border: int, channel: str = "rgb") -> tuple[np.ndarray, np.ndarray]:
    """Both images inside the border, float64."""
    check_choice("channel", channel, CHANNELS)
    for name, image in (("hr", hr), ("sr", sr)):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise InputError(
                f"{name} must be a uint8 array of shape (height, width, 3); "
                f"received {image.dtype} of shape {image.shape}."
            )
    if hr.shape != sr.shape:
        raise InputError(f"hr and sr must have one shape; received {hr.shape} and {sr.shape}.")
    if min(hr.shape[:2]) <= 2 * border:
        raise InputError(f"A border of {border} px leaves nothing of {hr.shape[1]}x{hr.shape[0]} px.")
    if channel == "y":
        hr, sr = y_channel(hr), y_channel(sr)
    rows = slice(border, hr.shape[0] - border)
    columns = slice(border, hr.shape[1] - border)
    return hr[rows, columns].astype(np.float64), sr[rows, columns].astype(np.float64)
