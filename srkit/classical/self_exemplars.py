"""SelfExSR: super-resolution from transformed self-exemplars (Huang, Singh and Ahuja 2015), its affine part."""

import itertools

import cv2
import numpy as np
from PIL import Image
from tqdm import tqdm

from srkit.classical.method import ClassicalModel
from srkit.classical.patch_match import Matcher
from srkit.image import interpolate
from srkit.progress import bar_stream

_STEPS = {2: (2, 3), 3: (3, 5), 4: (2, 3), 8: (2, 3)}  # each level is 2^(-1/3) or 3^(-1/5) of the one above
_SMALLEST = {2: 8, 3: 9, 4: 8, 8: 8}  # the input's size over that of the smallest level
_BACK_PROJECTIONS = 20
_TOO_SMALL_PX = 8  # of the side of LR, to look for anything in it


class SelfExSR(ClassicalModel):
    """Finds each patch's like in smaller copies of the image itself, and takes the detail that the like has.

    The image grows level by level. At each level, each patch of 5x5 px looks for the most similar one in the smaller
    levels, shifted, turned, scaled and sheared, by PatchMatch. The sharp partners of what was found are averaged, and
    the result is corrected until it agrees with LR. Nothing is trained. The paper's perspective of planes is left out.

    ```python
    sr = srkit.upscale("photo.jpg", SelfExSR(4))
    ```

    Args:
        scale: HR side / LR side: 2, 3, 4 or 8.
    """

    radius_px = None  # it looks everywhere

    def __init__(self, scale: int):
        self.scale, self.weights = scale, {}
        self.config = {"model": "selfexsr", "scale": scale}
        base, root = _STEPS[scale]
        self._factor = base ** (-1 / root)
        self._num_above = round(np.log(scale) / -np.log(self._factor))
        self._num_below = round(np.log(_SMALLEST[scale]) / -np.log(self._factor))
        self.bytes_per_px = 400 * scale**2

    def __call__(self, lr: np.ndarray) -> np.ndarray:
        if min(lr.shape[:2]) < _TOO_SMALL_PX:
            return interpolate(np.ascontiguousarray(lr, np.float32), self.scale)
        lr = lr / np.float32(255)
        sharp = [_resized(lr, self._size(lr, -level)) for level in range(self._num_below + 1)]
        # As blurred as what is enlarged by one level. The smallest one has no such partner.
        blurred = [_resized(small, large.shape[:2]) for large, small in itertools.pairwise(sharp)]
        sharp.pop()
        rng, matcher, field = np.random.default_rng(0), None, None
        rounds = [max(3, 12 - 3 * level) for level in range(self._num_above)]
        with tqdm(
            total=sum(rounds), desc="SelfExSR", unit="round", leave=False, file=bar_stream(), delay=2
        ) as progress:
            for level, count in enumerate(rounds):
                before, target = matcher, _resized(sharp[0], self._size(lr, level + 1))
                matcher = Matcher(target, sharp[: self._num_below], blurred[: self._num_below], self._factor)
                field = matcher.enlarge(field, before) if before else matcher.start()
                for _ in range(count):
                    matcher.improve(field, rng)
                    progress.update()
                result = _back_projected(matcher.vote(field), lr)
                blurred.insert(0, _resized(_resized(result, sharp[0].shape[:2]), result.shape[:2]))
                sharp.insert(0, result)
        return sharp[0] * np.float32(255)

    def _size(self, lr: np.ndarray, level: int) -> tuple[int, int]:
        """Height and width of a level; the input has level 0, larger images have higher ones."""
        return tuple(max(1, round(side * self._factor**-level)) for side in lr.shape[:2])


def _back_projected(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """SR changed until, reduced, it is LR (Irani and Peleg 1991)."""
    taps = np.square(cv2.getGaussianKernel(5, 1))
    taps /= taps.sum()
    for _ in range(_BACK_PROJECTIONS):
        error = _resized(lr - _resized(sr, lr.shape[:2]), sr.shape[:2])
        sr = np.clip(sr + cv2.sepFilter2D(error, -1, taps, taps, borderType=cv2.BORDER_REPLICATE), 0, 1)
    return sr


def _resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Antialiased bicubic interpolation to a height and width."""
    planes = [
        np.asarray(Image.fromarray(plane).resize(size[::-1], Image.Resampling.BICUBIC))
        for plane in np.ascontiguousarray(image.transpose(2, 0, 1))
    ]
    return np.ascontiguousarray(np.stack(planes, axis=-1))
