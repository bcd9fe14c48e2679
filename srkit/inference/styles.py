"""Styles: words for what a larger photograph is to be like, and the weights that make it so."""

from typing import TYPE_CHECKING

from srkit import models
from srkit.errors import InputError, check_choice
from srkit.image import Photo
from srkit.models.presets import preset_for

if TYPE_CHECKING:  # the command line's help does not wait for Keras
    import keras

FAMILIES = {"faithful": "edsr", "photo": "photo", "sharp": "photo-gan"}  # of presets
STYLES = ("auto", *FAMILIES)
DEFAULT_STRENGTH = 0.65  # of the style photo; at 1, fur has scratches


class Styles:
    """The models for photographs by their style, each loaded when it is first needed, and kept.

    - `"faithful"` is true to a clean image, pixel by pixel: `edsr-x4`, or its sister for another scale.
    - `"photo"` is for photographs as people have them: no blocks and no noise, and some texture. It is `photo-x4` and
      `photo-gan-x4`, mixed weight by weight (Wang et al. 2018, section 3.4).
    - `"sharp"` has the most texture, which is likely, but not what was there: `photo-gan-x4`.
    - `"auto"` is `"photo"` where the file is lossy (see `srkit.image.is_lossy`), and `"faithful"` elsewhere.

    ```python
    styles, photo = Styles("auto"), read_photo("photo.jpg")
    larger = upscale_photo(photo, styles.model_for(photo))
    ```

    Args:
        style: `"auto"`, `"faithful"`, `"photo"` or `"sharp"`.
        strength: How much texture the style `photo` has, from 0 (`photo-x4` alone) to 1 (`photo-gan-x4` alone).
            Default: `DEFAULT_STRENGTH`.

    Raises:
        InputError: There is no such style, it has no strength, or the strength is out of its range.
    """

    def __init__(self, style: str = "auto", strength: float | None = None):
        check_choice("style", style, STYLES)
        if strength is not None and style not in ("auto", "photo"):
            raise InputError(f"The style {style} has no strength: leave it out, or choose the style photo.")
        self._style = style
        self._strength = DEFAULT_STRENGTH if strength is None else strength
        if not 0 <= self._strength <= 1:
            raise InputError(f"strength must lie from 0 to 1; received {strength}.")
        self._models = {}

    def model_for(self, photo: Photo, scale: float | None = None) -> "keras.Model":
        """The model for a photograph, the same one each time.

        Args:
            photo: The photograph.
            scale: The factor asked for. Weights for it are taken where there are some, otherwise those for x4.
        """
        style = self._style_of(photo)
        if (style, scale) not in self._models:
            self._models[style, scale] = self._load(style, scale)
        return self._models[style, scale]

    def describe(self, photo: Photo, scale: float | None = None) -> str:
        """What is taken for a photograph, such as `style photo (photo-x4, strength 0.65)`."""
        style = self._style_of(photo)
        strength = f", strength {self._strength:g}" if style == "photo" else ""
        return f"style {style} ({preset_for(scale, FAMILIES[style])}{strength})"

    def _style_of(self, photo: Photo) -> str:
        if self._style != "auto":
            return self._style
        return "photo" if photo.is_lossy else "faithful"

    def _load(self, style: str, scale: float | None) -> "keras.Model":
        model = models.load_model(preset_for(scale, FAMILIES[style]))
        if style == "photo" and self._strength:
            model = models.mix(model, self._load("sharp", scale), self._strength)
        return model
