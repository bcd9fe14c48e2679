"""From HR to LR: fixed kernels, JPEG, and what cameras and web sites do, drawn anew for each crop."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from srkit.errors import InputError
from srkit.image.degradation_steps import RESIZE_KERNELS, Blur, Compress, Noise, Resize
from srkit.image.pixels import to_uint8
from srkit.image.resize import KERNELS, check_multiple, downscale

DEGRADATION_NAMES = f"{', '.join(KERNELS)}, realistic, or jpeg and a quality from 1 to 100, such as jpeg75"


class Degradation:
    """Makes LR of HR, aligned to the pixel: `degradation(hr, rng) -> lr`.

    One of your own is a subclass with a name and a `__call__`; wherever a name of a degradation is taken, the object
    is taken, too.

    Attributes:
        scale: HR's side / LR's side.
        name: The name that `--degradation` takes. It is part of a protocol and of a run's settings.
        is_random: Whether it draws from `rng`. Otherwise the same HR always gives the same LR.
        grey_part: Share of the training crops that are made grey, HR and LR alike.

    ```python
    degrade = get_degradation("jpeg75", scale=4)
    lr = degrade(crop_to_multiple(hr, 4))
    ```
    """

    is_random = False
    grey_part = 0.0

    def __init__(self, scale: int, name: str):
        self.scale, self.name = scale, name

    @property
    def fingerprint(self) -> str:
        """A text that changes with whatever shapes LR, apart from the scale."""
        return self.name

    @property
    def description(self) -> str:
        """How LR is made, in words that continue "LR by …"."""
        return f"the degradation {self.name}"

    def __call__(self, hr: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Makes LR.

        Args:
            hr: uint8 array of shape (height, width, 3), RGB, both sides multiples of the scale.
            rng: The generator that a random degradation draws from. The same state gives the same LR.

        Returns:
            uint8 array of shape (height / scale, width / scale, 3).

        Raises:
            InputError: A side is not a multiple of the scale, or `rng` is missing for a random degradation.
        """
        raise NotImplementedError


class Kernel(Degradation):
    """Downscales with one kernel and does nothing else, as the literature does.

    Args:
        scale: HR's side / LR's side.
        name: The kernel, `"bicubic"`, `"opencv"` or `"gaussian"` (see `srkit.image.downscale`).
    """

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
        quality: libjpeg's quality, 1 to 100.
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
class _Ranges:
    """What `Realistic` draws from; see there. Its text is part of the fingerprint that runs and caches know."""

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
    ranges as far as photographs in albums reach them: their strongest blur and noise, which make plastic of fur, are
    left out. Each crop is blurred, reduced, made noisy and compressed, in one round or in two.

    Args:
        scale: HR's side / LR's side.
        **ranges: Values in place of the defaults. Shares go from 0 to 1; ranges are (lowest, highest), drawn uniformly.

            - `clean` (0.1): share of the crops that only the bicubic kernel reduces.
            - `grey` (0.08): share of the crops that are made grey, HR and LR alike.
            - `blur` (0.5): share with blur; `blur_sigma_px` (0.2 to 3.0, as in Real-ESRGAN's first round): its standard
              deviation in HR px; `isotropic` (0.5): share of the blurs that are as wide in every direction.
            - `second_round` (0.35): share with two rounds; `second_size` (0.6 to 2.0, drawn by its logarithm): size
              between the two, in LR's size.
            - `noise` (0.4): share with noise in a round; `noise_sigma` (1 to 12; 1 to 30 in Real-ESRGAN): its standard
              deviation in grey levels; `poisson` (0.5) and `grey_noise` (0.4, as there): shares of the noises.
            - `jpeg` (0.85): share with JPEG at the end; `first_jpeg` (0.5): share of the first of two rounds; `quality`
              (30 to 95, as there); `full_chroma` (0.3): share with 4:4:4 chroma, the rest has 4:2:0.

    ```python
    degrade = Realistic(4, clean=0.2, noise_sigma=(1, 6))
    lr = degrade(hr, np.random.default_rng(0))
    ```
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

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> list[Callable]:
        """Draws the steps for one HR image.

        Args:
            shape: Shape of the HR image.
            rng: The generator to draw from.

        Returns:
            The steps in their order (see `srkit.image.degradation_steps`).
        """
        ranges = self.ranges
        height, width = (side // self.scale for side in shape[:2])
        if rng.random() < ranges.clean:
            return [Resize(height, width, "bicubic")]
        steps = []
        if rng.random() < ranges.blur:
            sigma_x, sigma_y = map(float, rng.uniform(*ranges.blur_sigma_px, 2))
            is_isotropic = rng.random() < ranges.isotropic
            steps.append(Blur(sigma_x, sigma_x if is_isotropic else sigma_y, rng.uniform(0, math.pi)))
        if rng.random() < ranges.second_round:
            # Drawn by its logarithm, so that halving is as likely as doubling.
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
            raise InputError("A random degradation needs a generator: degradation(hr, numpy.random.default_rng(0)).")
        check_multiple(hr, self.scale)
        image = hr.astype(np.float32)
        for step in self.draw(hr.shape, rng):
            image = step(image, rng)
        return to_uint8(image)

    def _kernel(self, rng) -> str:
        return str(rng.choice(list(RESIZE_KERNELS)))

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
    raise InputError(f"There is no degradation {name!r}: use one of {DEGRADATION_NAMES}.")
