"""PSNR and SSIM, with channel, border and range explicit."""

import cv2
import numpy as np

from srkit.errors import InputError
from srkit.image import y_channel as to_luma


def psnr(hr: np.ndarray, sr: np.ndarray, *, border: int = 0, luma: bool = False) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(255² / MSE).

    Args:
        hr: The original, uint8 array of shape (height, width, 3), RGB.
        sr: The reconstruction, of the same shape and type.
        border: Pixels cut from each side first. Papers cut as many as the scale (EDSR), or 4 (SRGAN).
        luma: Score the 8-bit Y channel (see `srkit.image.y_channel`), as most papers do, instead of RGB.

    Returns:
        dB; infinite for equal images.

    Raises:
        InputError: The arrays are not two uint8 images of one shape, larger than the border.
    """
    hr, sr = _prepare(hr, sr, border, luma)
    mse = np.mean(np.square(hr - sr))
    return float("inf") if mse == 0 else float(10 * np.log10(255**2 / mse))


def ssim(hr: np.ndarray, sr: np.ndarray, *, border: int = 0, luma: bool = False) -> float:
    """Structural similarity (Wang et al. 2004): 11x11 Gaussian window, sigma 1.5, mean over the valid region.

    Arguments are those of `psnr`; on RGB it is the mean over the channels. Images must measure at least 11 px
    after the border is cut.

    Returns:
        At most 1, which equal images reach.
    """
    hr, sr = _prepare(hr, sr, border, luma)
    if min(hr.shape[:2]) < 11:
        raise InputError(f"SSIM needs at least 11x11 px inside the border; received {hr.shape[1]}x{hr.shape[0]}.")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_hr, mean_sr = _window_mean(hr), _window_mean(sr)
    variance_hr = _window_mean(hr * hr) - mean_hr**2
    variance_sr = _window_mean(sr * sr) - mean_sr**2
    covariance = _window_mean(hr * sr) - mean_hr * mean_sr
    similarity = (2 * mean_hr * mean_sr + c1) * (2 * covariance + c2)
    similarity /= (mean_hr**2 + mean_sr**2 + c1) * (variance_hr + variance_sr + c2)
    return float(similarity.mean())


def _window_mean(image: np.ndarray) -> np.ndarray:
    taps = cv2.getGaussianKernel(11, 1.5)
    return cv2.sepFilter2D(image, cv2.CV_64F, taps, taps)[5:-5, 5:-5]


def _prepare(hr: np.ndarray, sr: np.ndarray, border: int, luma: bool) -> tuple[np.ndarray, np.ndarray]:
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
    if luma:
        hr, sr = to_luma(hr), to_luma(sr)
    rows = slice(border, hr.shape[0] - border)
    columns = slice(border, hr.shape[1] - border)
    return hr[rows, columns].astype(np.float64), sr[rows, columns].astype(np.float64)
