"""From a photograph to a larger one of any size: passes through the model, a last reduction, opacity, 16 bits."""

from collections.abc import Callable, Iterator

import cv2
import keras
import numpy as np
from PIL import Image
from scipy import ndimage

from srkit.image import Photo
from srkit.inference.flatness import keep_flat, margin_of
from srkit.inference.options import UpscaleOptions
from srkit.inference.upscaling import upscale_array
from srkit.models import adapted, enlarging_scale_of


def upscale_photo(
    photo: Photo,
    model: keras.Model,
    options: UpscaleOptions | None = None,
    progress: Callable[[float], object] | None = None,
) -> Photo:
    """Upscales a photograph to any size.

    The model is applied as often as it takes to reach the size, and what goes beyond it is reduced by an antialiased
    bicubic. Of several passes, the image is reduced before the last one, so that the model works on a sharp image, as
    in its training.

    Colours and opacity are upscaled apart. Before that, the colours are continued into the transparent parts, so that
    what is hidden there does not shine through at edges. 16 bits stay 16 bits, since models compute in float32. Grey
    stays grey, as in `srkit.upscale`, and what is flat stays flat: places of one colour have exactly that colour in the
    result, whatever the model makes of them.

    ```python
    photo = read_photo("photo.tif")
    larger = upscale_photo(photo, load_model("edsr-x4"), UpscaleOptions(width=1920))
    write_photo("larger.tif", larger)
    ```

    Args:
        photo: The photograph, uint8 or uint16.
        model: A model from LR to SR.
        options: The size, and how it is computed. Default: the model's scale.
        progress: Called now and then with the share of the work, from 0 to 1, that was done since the last time. For
            it, the photograph is cut into more tiles, where that costs little.

    Returns:
        The photograph in its new size, of the same type, with a remark on what was done unless it was one pass.

    Raises:
        InputError: The model is not one for super-resolution or does not enlarge, or the memory does not suffice.
    """
    passes = _Passes(adapted(model), photo, options or UpscaleOptions(), progress)
    if photo.alpha is None:
        pixels, alpha = passes(photo.pixels), None
    else:
        pixels = passes(_fill_transparent(photo.pixels, photo.alpha))
        alpha = _clamp_to_neighbours(passes(photo.alpha), photo.alpha)
    return photo.replace(*passes.remarks, pixels=pixels, alpha=alpha)


def _fill_transparent(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Fills what is nearly transparent with the nearest pixels that are seen: no edge there, and no foreign colour."""
    clear = alpha < np.iinfo(alpha.dtype).max / 32
    if clear.all() or not clear.any():
        return pixels
    nearest = ndimage.distance_transform_edt(clear, return_distances=False, return_indices=True)
    return pixels[tuple(nearest)]


def _clamp_to_neighbours(sr: np.ndarray, lr: np.ndarray) -> np.ndarray:
    """Keeps one channel between the least and the greatest of the 3x3 LR pixels around: sharp edges have no echo."""
    size, square = sr.shape[::-1], np.ones((3, 3), np.uint8)
    least = cv2.resize(cv2.erode(lr, square), size, interpolation=cv2.INTER_NEAREST)
    greatest = cv2.resize(cv2.dilate(lr, square), size, interpolation=cv2.INTER_NEAREST)
    return np.clip(sr, least, greatest)


class _Passes:
    """Brings a photograph's colours or opacity to another size, through a model.

    Attributes:
        remarks: What was done to the last image, unless it was one exact pass.
    """

    def __init__(
        self,
        model: keras.Model,
        photo: Photo,
        options: UpscaleOptions,
        progress: Callable[[float], object] | None,
    ):
        self.model, self.options, self.progress = model, options, progress
        self.scale = enlarging_scale_of(model)
        height, width = photo.pixels.shape[:2]
        self.size = options.size(self.scale).of(width, height)
        self._lr_sizes = list(self._sizes_of_passes(width, height))
        self._all_px = sum(width * height for width, height in self._lr_sizes) * (1 if photo.alpha is None else 2)
        self.remarks, self._told = (), []

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 or uint16 array of shape (height, width, 3) or (height, width), and back of the new size."""
        sr = image if image.ndim == 3 else np.dstack([image] * 3)
        for lr_size in self._lr_sizes:
            sr = self._applied(_reduced(sr, *lr_size))
        self.remarks = (*self._remarks(image, len(self._lr_sizes)), *dict.fromkeys(self._told))
        sr = _reduced(sr, *self.size)
        return sr if image.ndim == 3 else np.ascontiguousarray(sr[..., 0])

    def _sizes_of_passes(self, width: int, height: int) -> Iterator[tuple[int, int]]:
        """The width and height of what the model is applied to, pass by pass."""
        is_first = True
        while width < self.size[0] or height < self.size[1]:
            needed = -(-self.size[0] // self.scale), -(-self.size[1] // self.scale)
            if not is_first and needed[0] <= width and needed[1] <= height:
                width, height = needed
            yield width, height
            width, height, is_first = width * self.scale, height * self.scale, False

    def _applied(self, lr: np.ndarray) -> np.ndarray:
        """The model's result; what is flat stays flat."""
        margin, options = margin_of(lr), self.options
        mirrored = np.pad(lr, [(margin, margin), (margin, margin), (0, 0)], mode="symmetric") if margin else lr
        sr = upscale_array(
            mirrored,
            self.model,
            options,
            progress=self.progress and (lambda share: self.progress(share * lr[..., 0].size / self._all_px)),
            tell=self._told.append,
        )
        if margin:
            edge = margin * self.scale
            sr = np.ascontiguousarray(sr[edge:-edge, edge:-edge])
        keep_flat(sr, lr, self.scale)
        return sr

    def _remarks(self, image: np.ndarray, count: int) -> tuple[str, ...]:
        height, width = (side * self.scale**count for side in image.shape[:2])
        if count == 0:
            return ("no smaller than asked for: reduced by an antialiased bicubic, without the model",)
        if (width, height) != self.size:
            by = " and ".join([f"x{self.scale}"] * count)
            return (f"upscaled {by} by the model, and reduced to the size asked for by an antialiased bicubic",)
        return (f"upscaled x{self.scale} by the model, {count} times over",) if count > 1 else ()


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
