"""One image over the other with a slider between them, for notebooks and browsers; a figure for everything else."""

import base64
import html
import io
import math
import os
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from srkit.errors import InputError
from srkit.image import read_image, size_text

if TYPE_CHECKING:  # pages are made without Matplotlib
    from matplotlib.figure import Figure

MAX_SIDE_PX = 960
MIN_SIDE_PX = 640
QUALITY = 88

# Everything is inline: notebooks show outputs in frames that cannot load anything. Where scripts and styles are taken
# out, as on GitHub and in notebooks that are not trusted, the two images follow one another, and a line says why.
_PAGE = Template("""\
<div class="srkit-compare" style="max-width: ${width}px; --rendering: $rendering">
<style>
.srkit-compare > div { --cut: 50%; display: grid; grid-template-columns: 100%; overflow: hidden }
.srkit-compare figure { grid-area: 1 / 1; position: relative; margin: 0 }
.srkit-compare figure:first-child { z-index: 1; clip-path: inset(0 calc(100% - var(--cut)) 0 0) }
.srkit-compare figure img { display: block; width: 100%; max-width: none; height: auto; margin: 0;
  image-rendering: var(--rendering) }
.srkit-compare figcaption { position: absolute; top: 8px; right: 8px; padding: 2px 8px; border-radius: 4px;
  background: rgba(0, 0, 0, 0.6); color: white; font: 13px sans-serif }
.srkit-compare figure:first-child figcaption { left: 8px; right: auto }
.srkit-compare > div::after { content: ""; grid-area: 1 / 1; z-index: 2; width: 3px;
  margin-left: calc(var(--cut) - 1.5px); background: white; box-shadow: 0 0 3px black }
.srkit-compare > div::before { content: "\\2194"; grid-area: 1 / 1; z-index: 2; align-self: center; width: 28px;
  margin-left: calc(var(--cut) - 14px); border-radius: 50%; background: white; color: black; box-shadow: 0 0 3px black;
  font: 18px/28px sans-serif; text-align: center }
.srkit-compare > div:has(:focus-visible)::before { outline: 3px solid #1a73e8 }
.srkit-compare input { grid-area: 1 / 1; z-index: 3; display: block; width: 100%; height: 100%; margin: 0; opacity: 0;
  appearance: none; cursor: ew-resize; touch-action: pan-y }
.srkit-compare input::-webkit-slider-thumb { appearance: none; width: 1px }
.srkit-compare input::-moz-range-thumb { width: 1px; border: 0 }
.srkit-compare p { margin: 4px 0; font: 12px sans-serif }
.srkit-compare p:first-of-type { display: none }
</style>
<p>The slider between these two images is shown where the notebook is run or trusted.</p>
<div>
<figure><img src="$before" alt="$before_label"><figcaption>$before_label</figcaption></figure>
<figure><img src="$after" alt="$after_label"><figcaption>$after_label</figcaption></figure>
<input type="range" min="0" max="100" value="50" step="any" autocomplete="off"
  hidden="hidden" data-lm-suppress-shortcuts="true"
  aria-label="How much of $before_label covers $after_label"
  oninput="this.parentNode.style.setProperty('--cut', this.value + '%')">
</div>
<p>$note</p>
</div>
""")


def compare(
    before: "str | os.PathLike | bytes | Image.Image | np.ndarray",
    after: "str | os.PathLike | bytes | Image.Image | np.ndarray",
    labels: tuple[str, str] = ("before", "after"),
    zoom: tuple[int, int, int] | None = None,
) -> "Comparison":
    """Shows one image over another, with a slider between them.

    A notebook shows the slider, which moves by mouse, finger or arrow keys. It needs no server and no network, and it
    is still there when the notebook is saved and opened again. Elsewhere use `.figure()`, for Matplotlib, or `.html()`,
    for a browser.

    Args:
        before: The image on the left: anything that `srkit.image.read_image` takes.
        after: The image on the right. If the two sizes differ, the smaller image is enlarged by bicubic
            interpolation, as viewers of photographs do it: repeated pixels would make any network look good.
        labels: The names of both.
        zoom: `(top, left, side)` of the square to show, in pixels of the larger image. Default: the whole image. What
            is larger than 960 px is reduced by an antialiased bicubic, and the slider says so.

    Returns:
        The comparison. As the last line of a cell it shows itself.

    Raises:
        InputError: An image cannot be read, one is not the other enlarged, or the square is not inside.

    ```python
    srkit.compare("photo.jpg", srkit.upscale("photo.jpg", model), labels=("photograph", "SR"))
    ```
    """
    before, after = read_image(before), read_image(after)
    (height, width), (large_height, large_width) = sorted(image.shape[:2] for image in (before, after))
    # Sides that were rounded to whole pixels may be half a pixel off.
    if abs(large_width / width - large_height / height) > 0.5 / width + 0.5 / height:
        raise InputError(
            f"Images of {size_text(before)} and {size_text(after)} cannot be compared: one must be the other enlarged, "
            "with its sides in proportion. Crop one of them."
        )
    if zoom is not None:
        top, left, side = zoom
        if min(top, left) < 0 or side < 1 or top + side > large_height or left + side > large_width:
            raise InputError(
                f"The square to zoom into, {side} px from {top} px down and {left} px across, is not inside the "
                f"{large_width}x{large_height} px of the larger image."
            )
    if len(set(labels)) != 2:
        raise InputError(f"Two labels that differ are needed; received {labels!r}.")
    return Comparison(before, after, labels, zoom)


class Comparison:
    """What `compare` makes: two images that show the same, of one size or of two.

    Attributes:
        before: The first, uint8 array of shape (height, width, 3), RGB.
        after: The second.
    """

    def __init__(
        self,
        before: np.ndarray,
        after: np.ndarray,
        labels: tuple[str, str],
        zoom: tuple[int, int, int] | None,
    ):
        self.before, self.after = before, after
        self._columns = dict(zip(labels, (before, after)))
        self._zoom = zoom
        self._height, self._width = max(image.shape[:2] for image in (before, after))
        top, left, side = zoom or (0, 0, None)
        self._part = left, top, side or self._width, side or self._height

    def figure(self) -> "Figure":
        """The images side by side, with a zoomed part of each below: for scripts and reports."""
        from srkit.notebook.figures import comparison_figure

        whole = 0, 0, self._width, self._height
        columns = {}
        for label, image in self._columns.items():
            if self._is_smaller(image):
                label = f"{label}\n{size_text(image)}, bicubic"
                image = np.asarray(self._resized(image, whole, whole[2:]))
            columns[label] = image
        return comparison_figure(columns, self._zoom)

    def html(self) -> str:
        """The slider, complete in itself and in ASCII: written to a file, any browser shows it."""
        sides = self._part[2:]
        reduction = min(1, MAX_SIDE_PX / max(sides))
        size = tuple(max(1, round(side * reduction)) for side in sides)
        enlargement = max(1, MIN_SIDE_PX // max(size))
        before, after = (_data_uri(self._resized(image, self._part, size)) for image in self._columns.values())
        before_label, after_label = map(html.escape, self._columns)
        page = _PAGE.substitute(
            width=size[0] * enlargement,
            before=before,
            after=after,
            before_label=before_label,
            after_label=after_label,
            rendering="pixelated" if enlargement > 1 else "auto",
            note=html.escape(self._note(size, reduction, enlargement)),
        )
        return page.encode("ascii", "xmlcharrefreplace").decode()

    def __repr__(self) -> str:
        return f"Comparison of {' and '.join(self._sizes())}"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """The slider, and the figure for what shows no HTML, such as PDF."""
        import matplotlib.pyplot as plt

        figure = self.figure()
        file = io.BytesIO()
        figure.savefig(file, format="jpeg", pil_kwargs={"quality": QUALITY})
        plt.close(figure)  # else the notebook shows it again when the cell ends
        return {"text/html": self.html(), "image/jpeg": _base64(file), "text/plain": repr(self)}

    def _sizes(self) -> list[str]:
        return [f"{label} ({size_text(image)})" for label, image in self._columns.items()]

    def _is_smaller(self, image: np.ndarray) -> bool:
        return image.shape[:2] != (self._height, self._width)

    def _resized(self, image: np.ndarray, part: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
        """Brings a part, given in px of the larger image, to a size, by Keys' cubic with a = -0.5."""
        left, top, width, height = part
        rows, columns = image.shape[:2]
        box = np.array([left, top, left + width, top + height]) * ([columns / self._width, rows / self._height] * 2)
        # What the cubic reaches, and one channel after the other: Pillow's copy has four bytes for a pixel of RGB.
        reach = 2 * math.ceil(max((box[2:] - box[:2]) / size)) + 2
        first = np.maximum(box[:2].astype(int) - reach, 0)
        last = box[2:].astype(int) + reach
        near = image[first[1] : last[1], first[0] : last[0]]
        box = tuple(box - np.tile(first, 2))
        channels = (Image.fromarray(near[..., channel]) for channel in range(3))
        return Image.merge("RGB", [channel.resize(size, Image.Resampling.BICUBIC, box=box) for channel in channels])

    def _note(self, size: tuple[int, int], reduction: float, enlargement: int) -> str:
        """What was done to the images so that they can be shown."""
        parts = [" and ".join(self._sizes())]
        parts += [
            f"{label} enlarged by bicubic interpolation"
            for label, image in self._columns.items()
            if self._is_smaller(image)
        ]
        if self._zoom:
            top, left, side = self._zoom
            parts.append(f"the {side}x{side} px from {top} px down and {left} px across")
        if reduction < 1:
            parts.append(f"reduced to {size[0]}x{size[1]} px")
        if enlargement > 1:
            parts.append(f"each pixel repeated {enlargement}x{enlargement} times")
        return "; ".join([*parts, "JPEG"])


def _data_uri(image: Image.Image) -> str:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=QUALITY, subsampling=0)  # no less colour than brightness
    return f"data:image/jpeg;base64,{_base64(file)}"


def _base64(file: io.BytesIO) -> str:
    return base64.b64encode(file.getvalue()).decode()
