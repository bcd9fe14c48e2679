"""From a photograph to a larger one of any size: passes through the model, a last reduction, opacity, 16 bits."""

from dataclasses import dataclass

import cv2
import keras
import numpy as np
from PIL import Image

from srkit.errors import InputError
from srkit.inference import predict, scale_of, upscale
from srkit.photo import Photo
from srkit.weights import DEFAULT_PRESET, PRESETS


@dataclass(frozen=True)
class Size:
    """How large the results become: `scale` times, or fitted into `width` and `height` with the sides in proportion.

    Attributes:
        scale: A factor above 1, not necessarily whole.
        width: In pixels; with `scale` neither this nor the height.
        height: In pixels.
    """

    scale: float | None = None
    width: int | None = None
    height: int | None = None

    def __post_init__(self):
        if (self.scale is None) == (self.width is None and self.height is None):
            raise InputError("A size is either a scale, or a width, a height or both: give one or the other.")
        if self.scale is not None and not 1 < self.scale <= 64:
            raise InputError(f"A scale lies above 1 and ends at 64; received {self.scale:g}.")
        if any(side is not None and side < 1 for side in (self.width, self.height)):
            raise InputError(f"A width or height is at least 1 px; received {self.width or self.height}.")

    def of(self, width: int, height: int) -> tuple[int, int]:
        """The width and height of the result for a photograph of this width and height."""
        sides = ((self.width, width), (self.height, height))
        factor = self.scale or min(wanted / side for wanted, side in sides if wanted is not None)
        return max(1, round(width * factor)), max(1, round(height * factor))

    def __str__(self) -> str:
        """As file names have it: x4, x2.5, 1920w, 1080h, 1920x1080."""
        if self.scale is not None:
            return f"x{self.scale:g}"
        if self.width is not None and self.height is not None:
            return f"{self.width}x{self.height}"
        return f"{self.height}h" if self.width is None else f"{self.width}w"


def preset_for(scale: float | None) -> str:
    """The preset for a factor: the default one's sister of that scale if there is one, else the default one."""
    family = DEFAULT_PRESET.rpartition("-x")[0]
    sister = f"{family}-x{scale:g}" if scale else DEFAULT_PRESET
    return sister if sister in PRESETS else DEFAULT_PRESET


def enlarging_scale_of(model: keras.Model) -> int:
    """The model's factor, 2 or more; raises an InputError if it is none for super-resolution, or keeps the size."""
    scale = scale_of(model)
    if scale < 2:
        raise InputError(f"{model.name} does not enlarge: a model of scale 2 or more is needed.")
    return scale


def enlarge(photo: Photo, model: keras.Model, size: Size, ensemble: bool = False) -> Photo:
    """Upscales a photograph to any size.

    The model is applied as often as it takes to reach the size, and what goes beyond it is reduced by an antialiased
    bicubic; of several passes before the last one, so that the model works on a sharp image, as in its training.
    Colours weighted by their opacity, and the opacity itself, are upscaled apart, so that what lies under transparent
    parts does not shine through at edges. 16 bits stay 16 bits: models compute in float32.

    Args:
        photo: The photograph, uint8 or uint16.
        model: From LR to SR.
        size: Of the result.
        ensemble: See `srkit.upscale`.

    Returns:
        The photograph in its new size, of the same type, with a remark on what was done unless it was one pass.

    Raises:
        InputError: The model is not one for super-resolution, or does not enlarge.
    """
    passes = _Passes(model, size.of(photo.pixels.shape[1], photo.pixels.shape[0]), ensemble)
    if photo.pixels.dtype == np.uint8 and photo.alpha is None:
        pixels, alpha = passes(_rgb(photo.pixels)), None
        if photo.is_grey:
            pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    else:
        pixels, alpha = _enlarge_in_float(photo, passes)
    return photo.but(*passes.remarks, pixels=pixels, alpha=alpha)


def _enlarge_in_float(photo: Photo, passes: "_Passes") -> tuple[np.ndarray, np.ndarray | None]:
    """The pixels and the opacity, computed in float32 from end to end."""
    dtype = photo.pixels.dtype
    largest = np.iinfo(dtype).max
    unit = np.float32(largest / 255)
    colours, alpha = _rgb(photo.pixels) / unit, None
    if photo.alpha is None:
        colours = passes(colours)
    else:
        opacity = photo.alpha[..., None] / np.float32(largest)
        alpha = passes(_rgb(opacity * 255)).mean(axis=2)
        # Where next to nothing is to be seen, the colour that is next to nothing must not be divided by 0.
        colours = passes(colours * opacity) / np.maximum(alpha / 255, 1 / 255)[..., None]
    if photo.is_grey:
        colours = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY)

    def finished(image: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(image * unit), 0, largest).astype(dtype)

    return finished(colours), None if alpha is None else finished(alpha)


def _rgb(image: np.ndarray) -> np.ndarray:
    image = np.atleast_3d(image)
    return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image


class _Passes:
    """Brings images of one size to another, through a model."""

    def __init__(self, model: keras.Model, size: tuple[int, int], ensemble: bool):
        self.model, self.size, self.ensemble = model, size, ensemble
        self.scale = enlarging_scale_of(model)
        self.remarks = ()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 or float32 array of shape (height, width, 3) in [0, 255], and back of the new size."""
        width, height = self.size
        count = 0
        before = image.shape
        while image.shape[1] < width or image.shape[0] < height:
            needed = -(-width // self.scale), -(-height // self.scale)
            if count and needed[0] <= image.shape[1] and needed[1] <= image.shape[0]:
                image = _reduced(image, *needed)
            image = self._apply(image)
            count += 1
        factor = self.scale**count
        if count == 0:
            self.remarks = ("no smaller than asked for: reduced by an antialiased bicubic, without the model",)
        elif (before[1] * factor, before[0] * factor) != self.size:
            by = " and ".join([f"x{self.scale}"] * count)
            self.remarks = (f"upscaled {by} by the model, and reduced to the size asked for by an antialiased bicubic",)
        elif count > 1:
            self.remarks = (f"upscaled x{self.scale} by the model, {count} times over",)
        return _reduced(image, width, height)

    def _apply(self, image: np.ndarray) -> np.ndarray:
        if image.dtype == np.uint8:
            return upscale(image, self.model, self.ensemble)
        if not self.ensemble:
            return predict(self.model, image)
        total = 0
        for turns in range(4):
            for mirrored in (slice(None), slice(None, None, -1)):
                sr = predict(self.model, np.rot90(image[:, mirrored], turns))
                total = total + np.rot90(sr, -turns)[:, mirrored]
        return total / 8


def _reduced(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pillow's bicubic: Keys' cubic with a = -0.5, stretched as far as the image is reduced."""
    if image.shape[:2] == (height, width):
        return image
    if image.dtype == np.uint8:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))
    channels = [Image.fromarray(image[..., channel]) for channel in range(image.shape[2])]
    return np.dstack([np.asarray(channel.resize((width, height), Image.Resampling.BICUBIC)) for channel in channels])
