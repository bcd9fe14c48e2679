"""Upscaling of one image in Python."""

import dataclasses
import os

import keras
import numpy as np
from PIL import Image

from srkit.classical import ClassicalModel
from srkit.errors import InputError
from srkit.image import Photo, is_lossy, read_image
from srkit.inference.options import UpscaleOptions
from srkit.inference.photo import upscale_photo
from srkit.inference.styles import Styles
from srkit.inference.upscaling import upscale_array, with_scale
from srkit.models import adapted, load_model


def upscale(
    image: "str | os.PathLike | Image.Image | np.ndarray",
    model: "keras.Model | ClassicalModel | str | os.PathLike | None" = None,
    ensemble: bool = False,
    memory: int | None = None,
    scale: float | None = None,
    precision: str = "float32",
    style: str | None = None,
    strength: float | None = None,
    overlap: str | int | None = "exact",
) -> np.ndarray:
    """Upscales one image.

    Without a model, the image's file decides: one in a lossy format, such as JPEG, gets the style `photo`, others get
    `faithful`, and so do arrays and PIL images that are not from a file. See `srkit.inference.Styles`.

    An image that is too large for the memory is cut into tiles. They overlap by as much as the model looks around, so
    that the result is that of the whole image, unless `overlap` says otherwise. Where red, green and blue are equal in
    every pixel of the image, so they are in the result: each pixel is the luma (ITU-R BT.601) of what the model makes.

    It may be called from several threads at once.

    ```python
    import srkit

    sr = srkit.upscale("photo.jpg")
    sr = srkit.upscale("photo.jpg", style="faithful")
    sr = srkit.upscale("photo.jpg", "srgan-x4", precision="auto")
    ```

    Args:
        image: A path, a PIL image, or a uint8 RGB array of shape (height, width, 3).
        model: A model from LR to SR, or what `load_model` takes; it replaces `style` and `strength`. For many images,
            load it once.
        ensemble: Whether to average the results for the image's eight flips and rotations (Lim et al. 2017, section
            3.4): a little better, and eight times slower.
        memory: The most memory that the process may take, in bytes. Default: what it takes and half of what is free.
        scale: The factor by which to upscale. With a model, one of its scales: a model for several, such as
            `srkit.models.mdsr`, needs it. With a style, any factor above 1. Default: the model's scale, or 4.
        precision: `"float32"`; `"mixed_bfloat16"`; or `"auto"`: bfloat16 where it is faster and, in the middle of the
            image, 99.9 % of its values differ by at most 1 from those of float32.
        style: `"auto"`, `"faithful"`, `"photo"` or `"sharp"`. Default: `"auto"`.
        strength: How much texture the style `photo` has, from 0 to 1.
        overlap: How far tiles overlap: `"exact"`, as far as the model looks; `"auto"`, as little as leaves at most
            0.1 % of the values beside a cut more than one grey level off, found by trying on crops of the image; a
            number of LR pixels; or None: `"exact"` where that computes less than 1.5 times the image, else `"auto"`.

    Returns:
        uint8 RGB array of shape (height * scale, width * scale, 3).

    Raises:
        InputError: The image or the model cannot be read, the model is not one for super-resolution or does not have
            the scale, there is both a model and a style, or the memory does not suffice.
    """
    options = UpscaleOptions(ensemble=ensemble, memory=memory, precision=precision, overlap=overlap)
    if model is None:
        photo = Photo(read_image(image), is_lossy=is_lossy(image))
        options = dataclasses.replace(options, scale=scale)
        return upscale_photo(photo, Styles(style or "auto", strength).model_for(photo, scale), options).pixels
    if style is not None or strength is not None:
        raise InputError("A model replaces style and strength: give one or the other.")
    model = adapted(model) if isinstance(model, keras.Model | ClassicalModel) else load_model(model)
    return upscale_array(read_image(image), with_scale(model, scale), options)
