"""From HR to LR as pictures in the wild come about: fixed degradations, and one that is drawn anew for each crop."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from srkit.errors import InputError
from srkit.image.pixels import full_range_luma, to_uint8
from srkit.image.resize import KERNELS, downscale

_ROUND_KERNELS = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


class Degradation:
    """Makes LR of HR, aligned to the pixel: `degradation(hr, rng) -> lr`.

    Attributes:
        scale: HR's side / LR's side.
        name: As `--degradation` takes it; it is part of a protocol and of a run's settings.
        is_random: Whether it uses `rng`. If not, the same HR always gives the same LR.
        grey_part: Part of the training crops that are made grey, HR and LR alike.
    """

    is_random = False
    grey_part = 0.0

    def __init__(self, scale: int, name: str):
        self.scale, self.name = scale, name

    @property
    def fingerprint(self) -> str:
        """A text that changes with anything that shapes LR, but the scale."""
        return self.name

    @property
    def description(self) -> str:
        """How LR is made, in words that continue "LR by …"."""
        return f"the degradation {self.name}"

    def __call__(self, hr: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Makes LR.

        Args:
            hr: uint8 array of shape (height, width, 3), RGB, both sides multiples of the scale.
            rng: What a random degradation draws from: the same state gives the same LR.

        Returns:
            uint8 array of shape (height / scale, width / scale, 3).
        """
        raise NotImplementedError


class Kernel(Degradation):
    """Downscales with one kernel and does nothing else, as the literature does (see `srkit.image.downscale`)."""

    def __init__(self, scale: int, name: str = "bicubic"):
        super().__init__(scale, name)

    @property
    def description(self) -> str:
        return f"the {self.name} kernel"

    def __call__(self, hr, rng=None):
        return downscale(np.ascontiguousarray(hr), self.scale, self.name)


class Jpeg(Degradation):
    """Downscales with the bicubic kernel and compresses LR as JPEG with 4:2:0 chroma, as cameras and web sites do.

    Args:
        scale: HR's side / LR's side.
        quality: Of libjpeg, 1 to 100.
    """

    def __init__(self, scale: int, quality: int):
        super().__init__(scale, f"jpeg{quality}")
        self.quality = quality

    @property
    def description(self) -> str:
        return f"the bicubic kernel, then JPEG of quality {self.quality}"

    def __call__(self, hr, rng=None):
        return Compress(self.quality)(downscale(np.ascontiguousarray(hr), self.scale))


@dataclass(frozen=True)
class Blur:
    """An anisotropic Gaussian blur: its standard deviations along two axes in px, and their rotation in radians."""

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
    """A resize to a size in px by `"area"`, `"linear"` or `"cubic"`, or by the antialiased `"bicubic"`.

    All of them keep the corners of the image in place, so that none shifts it.
    """

    height: int
    width: int
    kernel: str

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        scale = image.shape[0] // self.height
        if self.kernel == "bicubic":
            return downscale(to_uint8(image), scale).astype(np.float32) if scale > 1 else image
        return cv2.resize(image, (self.width, self.height), interpolation=_ROUND_KERNELS[self.kernel])


@dataclass(frozen=True)
class Noise:
    """A sensor's noise.

    Attributes:
        sigma: Standard deviation in grey levels; of `"poisson"`, at a brightness of 255.
        kind: `"gaussian"`, the same everywhere, or `"poisson"`, which grows with the root of brightness.
        is_grey: The same for the three channels.
    """

    sigma: float
    kind: str = "gaussian"
    is_grey: bool = False

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        channels = 1 if self.is_grey else 3
        noise = rng.standard_normal((*image.shape[:2], channels), np.float32) * np.float32(self.sigma)
        if self.kind == "poisson":
            # Of the number of photons, which is large here: its Gaussian limit.
            bright = full_range_luma(image) if self.is_grey else image
            noise *= np.sqrt(np.clip(bright, 0, 255) / np.float32(255))
        return image + noise


@dataclass(frozen=True)
class Compress:
    """JPEG: libjpeg's quality from 1 to 100, and whether chroma keeps its resolution (4:4:4, or else 4:2:0)."""

    quality: int
    full_chroma: bool = False

    def __call__(self, image: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if self.full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
        options = [cv2.IMWRITE_JPEG_QUALITY, self.quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        bgr = cv2.cvtColor(to_uint8(image), cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".jpg", bgr, options)
        return cv2.cvtColor(cv2.imdecode(encoded, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(image.dtype)


@dataclass(frozen=True)
class _Ranges:
    """What `Realistic` draws from; see there."""

    clean: float = 0.1
    grey: float = 0.08
    blur: float = 0.5
    blur_sigma_px: tuple[float, float] = (0.2, 3.0)
    isotropic: float = 0.5
    second_round: float = 0.35
    second_size: tuple[float, float] = (0.6, 2.0)
    noise: float = 0.4
    noise_sigma: tuple[float, float] = (1.0, 12.0)
    poisson: float = 0.5
    grey_noise: float = 0.4
    first_jpeg: float = 0.5
    jpeg: float = 0.85
    quality: tuple[int, int] = (30, 95)
    full_chroma: float = 0.3


class Realistic(Degradation):
    """Draws for each crop what cameras, phones and web sites do to photographs: blur, resizing, noise, JPEG.

    In the manner of Real-ESRGAN (Wang et al. 2021, section 3) and BSRGAN (Zhang et al. 2021, section 3), with their
    ranges where photographs in albums reach them: their strongest blur and noise, which make plastic of fur, are left
    out. Each crop is blurred, reduced, made noisy and compressed, in one round or in two.

    Args:
        scale: HR's side / LR's side.
        **ranges: In place of the defaults, probabilities (from 0 to 1) and ranges (lowest, highest), drawn uniformly:
            `clean` (0.1), the part of the crops that only the bicubic kernel reduces; `grey` (0.08), the part that is
            made grey; `blur` (0.5) with `blur_sigma_px` (0.2 to 3.0 HR px: Real-ESRGAN's first round) and the part of
            it that is `isotropic` (0.5); `second_round` (0.35), which goes over a size of `second_size` (0.6 to 2.0)
            times LR's; `noise` (0.4) with `noise_sigma` (1 to 12 grey levels; 1 to 30 there), the parts of it that
            are `poisson` (0.5) and `grey_noise` (0.4, as there); `jpeg` (0.85), and of two rounds `first_jpeg` (0.5),
            with `quality` (30 to 95, as there) and the part of `full_chroma` (0.3; the rest is 4:2:0).
    """

    is_random = True

    def __init__(self, scale: int, **ranges):
        super().__init__(scale, "realistic")
        self.ranges = _Ranges(**ranges)
        self.grey_part = self.ranges.grey

    @property
    def fingerprint(self) -> str:
        return f"{self.name}({self.ranges})"

    @property
    def description(self) -> str:
        return "blur, resizing, noise and JPEG, drawn at random with a fixed seed for each image"

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> list:
        """Draws the steps for one HR image of that shape: callables `(image, rng) -> image` on float32 in [0, 255]."""
        ranges = self.ranges
        height, width = (side // self.scale for side in shape[:2])
        if rng.random() < ranges.clean:
            return [Resize(height, width, "bicubic")]
        steps = []
        if rng.random() < ranges.blur:
            sigma_x, sigma_y = rng.uniform(*ranges.blur_sigma_px, 2)
            is_isotropic = rng.random() < ranges.isotropic
            steps.append(Blur(sigma_x, sigma_x if is_isotropic else sigma_y, rng.uniform(0, math.pi)))
        if rng.random() < ranges.second_round:
            # By the logarithm, so that halving is as likely as doubling.
            factor = math.exp(rng.uniform(*np.log(ranges.second_size)))
            sides = (max(8, round(side * factor)) for side in (height, width))
            steps.append(Resize(*sides, self._kernel(rng)))
            steps += self._noise(rng)
            if rng.random() < ranges.first_jpeg:
                steps.append(self._compress(rng))
            steps.append(Resize(height, width, self._kernel(rng)))
        else:
            steps.append(Resize(height, width, "bicubic" if rng.random() < 0.5 else self._kernel(rng)))
            steps += self._noise(rng)
        if rng.random() < ranges.jpeg:
            steps.append(self._compress(rng))
        return steps

    def __call__(self, hr, rng=None):
        if rng is None:
            raise InputError("A random degradation needs a generator: Realistic(4)(hr, numpy.random.default_rng(0)).")
        image = hr.astype(np.float32)
        for step in self.draw(hr.shape, rng):
            image = step(image, rng)
        return to_uint8(image)

    def _kernel(self, rng) -> str:
        return str(rng.choice(list(_ROUND_KERNELS)))

    def _noise(self, rng) -> list[Noise]:
        ranges = self.ranges
        if rng.random() >= ranges.noise:
            return []
        kind = "poisson" if rng.random() < ranges.poisson else "gaussian"
        return [Noise(rng.uniform(*ranges.noise_sigma), kind, rng.random() < ranges.grey_noise)]

    def _compress(self, rng) -> Compress:
        low, high = self.ranges.quality
        return Compress(int(rng.integers(low, high + 1)), rng.random() < self.ranges.full_chroma)


@lru_cache
def get_degradation(name: str | Degradation, scale: int) -> Degradation:
    """The degradation of that name.

    Args:
        name: `"bicubic"`, `"opencv"` or `"gaussian"` (see `srkit.image.downscale`); `"jpeg"` and a quality, such as
            `"jpeg75"`: bicubic, then JPEG; or `"realistic"`. An object is returned as it is.
        scale: HR's side / LR's side.

    Raises:
        InputError: There is no such degradation, or the object is for another scale.
    """
    if isinstance(name, Degradation):
        if name.scale != scale:
            raise InputError(
                f"The degradation {name.name} makes LR for x{name.scale}, but x{scale} is needed: create it with "
                f"scale={scale}."
            )
        return name
    if name in KERNELS:
        return Kernel(scale, name)
    if name == "realistic":
        return Realistic(scale)
    if (found := re.fullmatch(r"jpeg(\d{1,3})", name)) and 1 <= int(found[1]) <= 100:
        return Jpeg(scale, int(found[1]))
    raise InputError(
        f"There is no degradation {name!r}: use one of {', '.join(KERNELS)}, realistic, or jpeg and a quality from 1 "
        "to 100, such as jpeg75."
    )
