"""From a photograph to a larger one of any size: passes through the model, a last reduction, opacity, 16 bits."""

from dataclasses import dataclass

import cv2
import keras
import numpy as np
from PIL import Image
from scipy import ndimage

from srkit.errors import InputError
from srkit.image import Photo
from srkit.inference.upscaling import upscale_array
from srkit.models import scale_of
from srkit.models.presets import DEFAULT_PRESET, PRESETS


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


def enlarge(
    photo: Photo,
    model: keras.Model,
    size: Size,
    ensemble: bool = False,
    memory: int | None = None,
    precision: str = "float32",
) -> Photo:
    """Upscales a photograph to any size.

    The model is applied as often as it takes to reach the size, and what goes beyond it is reduced by an antialiased
    bicubic; of several passes before the last one, so that the model works on a sharp image, as in its training.
    Colours and opacity are upscaled apart, the colours first continued into the transparent parts, so that what lies
    hidden there does not shine through at edges. 16 bits stay 16 bits: models compute in float32.

    Args:
        photo: The photograph, uint8 or uint16.
        model: From LR to SR.
        size: Of the result.
        ensemble, memory, precision: See `srkit.upscale`.

    Returns:
        The photograph in its new size, of the same type, with a remark on what was done unless it was one pass.

    Raises:
        InputError: The model is not one for super-resolution or does not enlarge, or the memory does not suffice.
    """
    passes = _Passes(model, size.of(*photo.pixels.shape[1::-1]), ensemble, memory, precision)
    if photo.alpha is None:
        pixels, alpha = _passed(photo.pixels, passes), None
    else:
        pixels = _passed(_under_clear_parts(photo.pixels, photo.alpha), passes)
        alpha = _within_neighbours(_passed(photo.alpha, passes), photo.alpha)
    return photo.replace(*passes.remarks, pixels=pixels, alpha=alpha)


def _passed(image: np.ndarray, passes: "_Passes") -> np.ndarray:
    """A colour or grey image through the passes."""
    if image.ndim == 3:
        return passes(image)
    return cv2.cvtColor(passes(np.dstack([image] * 3)), cv2.COLOR_RGB2GRAY)


def _under_clear_parts(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The pixels, but where hardly any is seen the nearest that is: no edge there, and no foreign colour."""
    clear = alpha < np.iinfo(alpha.dtype).max / 32
    if clear.all() or not clear.any():
        return pixels
    nearest = ndimage.distance_transform_edt(clear, return_distances=False, return_indices=True)
    return pixels[tuple(nearest)]


def _within_neighbours(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """One channel, kept between the least and the greatest of the 3x3 LR pixels around: sharp edges have no echo."""
    size, square = sr.shape[::-1], np.ones((3, 3), np.uint8)
    least = cv2.resize(cv2.erode(lr, square), size, interpolation=cv2.INTER_NEAREST)
    greatest = cv2.resize(cv2.dilate(lr, square), size, interpolation=cv2.INTER_NEAREST)
    return np.clip(sr, least, greatest)


class _Passes:
    """Brings images of one size to another, through a model."""

    def __init__(self, model: keras.Model, size: tuple[int, int], *settings):
        self.model, self.size, self.settings = model, size, settings
        self.scale = enlarging_scale_of(model)
        self.remarks = ()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 or uint16 array of shape (height, width, 3), and back of the new size."""
        width, height = self.size
        count = 0
        before = image.shape
        while image.shape[1] < width or image.shape[0] < height:
            needed = -(-width // self.scale), -(-height // self.scale)
            if count and needed[0] <= image.shape[1] and needed[1] <= image.shape[0]:
                image = _reduced(image, *needed)
            image = upscale_array(image, self.model, *self.settings)
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


def _reduced(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pillow's bicubic: Keys' cubic with a = -0.5, stretched as far as the image is reduced.

    Channel by channel: Pillow knows no 16-bit colours, and needs four bytes for a pixel of 8-bit ones.
    """
    if image.shape[:2] == (height, width):
        return image
    reduced = np.empty((height, width, 3), image.dtype)
    for channel in range(3):
        plane = image[..., channel] if image.dtype == np.uint8 else image[..., channel].astype(np.float32)
        plane = np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
        reduced[..., channel] = plane if plane.dtype == np.uint8 else np.clip(np.rint(plane), 0, 65535)
    return reduced
