"""From a photograph to its aligned HR/LR pair: JPEG halved if asked for, HR cropped to the scale, LR made of it."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from srkit.data.photograph import Photograph
from srkit.errors import InputError
from srkit.image import Degradation, crop_to_multiple, downscale, read_image, size_text

_JPEG = b"\xff\xd8\xff"  # how such files begin, whatever their names


class PreparedPair(NamedTuple):
    """A pair as it goes into a cache; the digest is that of its pixels."""

    lr: np.ndarray
    hr: np.ndarray
    digest: str


@dataclass(frozen=True)
class Preparation:
    """How photographs become pairs.

    Attributes:
        scale: 2, 3, 4 or 8.
        degradation: Makes LR. It is not random. None where each photograph has an LR of its own.
        min_size: Photographs with a shorter side, in pixels, are left out.
        halve_jpeg: Downscale JPEG photographs to half their sides first.
    """

    scale: int
    degradation: Degradation | None
    min_size: int
    halve_jpeg: bool = False

    @property
    def lr_name(self) -> str:
        """Says how LR is made; for people."""
        return self.degradation.name if self.degradation else "own-lr"

    @property
    def lr_fingerprint(self) -> str:
        """Says how LR is made; changes with anything that shapes it."""
        return self.degradation.fingerprint if self.degradation else "own-lr"

    def __call__(self, photograph: Photograph) -> PreparedPair | str:
        """The pair of a photograph, or the reason why it cannot be used."""
        try:
            encoded = photograph.read()
            hr = read_image(encoded)
        except (InputError, OSError):
            return "cannot be read as an image"
        if self.halve_jpeg and encoded.startswith(_JPEG) and min(hr.shape[:2]) > 1:
            hr = downscale(np.ascontiguousarray(crop_to_multiple(hr, 2)), 2)
        if min(hr.shape[:2]) < max(self.min_size, self.scale):
            return f"{size_text(hr)}, smaller than {self.min_size} px"
        digest = hashlib.sha256(np.ascontiguousarray(hr))
        hr = crop_to_multiple(hr, self.scale)
        if self.degradation:
            return PreparedPair(self.degradation(hr), hr, digest.hexdigest())
        try:
            lr = read_image(photograph.read_lr())
        except (InputError, OSError):
            return "its LR cannot be read as an image"
        if (lr.shape[0] * self.scale, lr.shape[1] * self.scale) != hr.shape[:2]:
            height, width = (side // self.scale for side in hr.shape[:2])
            return f"its LR has {size_text(lr)}; expected at x{self.scale}: {width}x{height} px"
        digest.update(np.ascontiguousarray(lr))
        return PreparedPair(lr, hr, digest.hexdigest())
