"""The steps of a degradation: blur, resizing, noise, JPEG. None of them shifts the image.

A step is called with an image and a random generator: `step(image, rng) -> image`. Images are float32 arrays of shape
(height, width, 3), RGB in [0, 255].
"""

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from srkit.image.pixels import full_range_luma, to_uint8
from srkit.image.resize import downscale

RESIZE_KERNELS = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur, as wide in every direction or wider along one axis.

    Attributes:
        sigma_x: Standard deviation along the first axis in pixels.
        sigma_y: Standard deviation along the second axis in pixels.
        angle: Rotation of the axes in radians.
    """

    sigma_x: float
    sigma_y: float
    angle: float = 0.0

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        radius = max(1, math.ceil(2.5 * max(self.sigma_x, self.sigma_y)))
        if self.sigma_x == self.sigma_y:  # separable, and much cheaper
            size = (2 * radius + 1, 2 * radius + 1)
            return cv2.GaussianBlur(image, size, self.sigma_x, borderType=cv2.BORDER_REFLECT_101)
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
        along = x * math.cos(self.angle) + y * math.sin(self.angle)
        across = y * math.cos(self.angle) - x * math.sin(self.angle)
        kernel = np.exp(-0.5 * ((along / self.sigma_x) ** 2 + (across / self.sigma_y) ** 2))
        return cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT_101)


@dataclass(frozen=True)
class Resize:
    """A resize that keeps the corners of the image in place.

    Attributes:
        height: Height of the result in pixels.
        width: Width of the result in pixels.
        kernel: `"area"`, `"linear"` or `"cubic"` as OpenCV has them, or the antialiased `"bicubic"` of
            `srkit.image.downscale`, which needs a whole factor.
    """

    height: int
    width: int
    kernel: Literal["area", "linear", "cubic", "bicubic"]

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        if self.kernel == "bicubic":
            scale = image.shape[0] // self.height
            return downscale(to_uint8(image), scale).astype(np.float32) if scale > 1 else image
        return cv2.resize(image, (self.width, self.height), interpolation=RESIZE_KERNELS[self.kernel])


@dataclass(frozen=True)
class Noise:
    """A sensor's noise.

    Attributes:
        sigma: Standard deviation in grey levels; for `"poisson"` at a brightness of 255.
        kind: `"gaussian"` is the same everywhere; `"poisson"` grows with the square root of the brightness.
        is_grey: Whether the three channels get the same noise.
    """

    sigma: float
    kind: Literal["gaussian", "poisson"] = "gaussian"
    is_grey: bool = False

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        channels = 1 if self.is_grey else 3
        noise = rng.standard_normal((*image.shape[:2], channels), np.float32) * np.float32(self.sigma)
        if self.kind == "poisson":
            # The number of photons is large here, and so its distribution is close to a Gaussian.
            brightness = full_range_luma(image) if self.is_grey else image
            noise *= np.sqrt(np.clip(brightness, 0, 255) / np.float32(255))
        return image + noise


@dataclass(frozen=True)
class Compress:
    """JPEG compression.

    Attributes:
        quality: libjpeg's quality from 1 to 100.
        full_chroma: Whether the colours keep their resolution (4:4:4). Otherwise it is halved (4:2:0).
    """

    quality: int
    full_chroma: bool = False

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if self.full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        bgr = cv2.cvtColor(to_uint8(image), cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, options)
        return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(image.dtype)
