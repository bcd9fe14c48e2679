"""Pictures of validations: LR, bicubic, SR and HR side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from srkit.data import MultiScalePairs, Pairs
from srkit.image import interpolate, nearest, read_image, side_by_side, to_uint8, write_image
from srkit.inference import predict
from srkit.training.callbacks.callback import Callback

_NUM_PICTURES, _PICTURE_PX = 3, 192


class Crop(NamedTuple):
    """The middle of a validation image, and its reconstruction, which is not rounded."""

    scale: int
    index: int
    lr: np.ndarray
    hr: np.ndarray
    sr: np.ndarray


class Pictures(Callback):
    """Writes pictures of the last validation into the run's folder `pictures`.

    Args:
        validation: The callback that validates.
        label: The name of the model's column.
        start_label: The name of a column for the model as it was before the run's first step. None: no such column.

    Attributes:
        latest: The pictures of the last validation, by name.
    """

    def __init__(self, validation, label: str, start_label: str | None = None):
        self._validation = validation
        self._label = label
        self._start_label = start_label
        self.latest: dict[str, np.ndarray] = {}

    def on_train_begin(self, trainer):
        if self._start_label and trainer.step == 0:
            for scale, index, lr, _ in picture_crops(self._validation.valid):
                write_image(_start_path(trainer, scale, index), to_uint8(predict(trainer.generators[scale], lr)))

    def on_step_end(self, trainer):
        if not trainer.is_validated:
            return
        self.latest = {}
        for crop in self._validation.crops:
            name = _name(trainer, crop.scale, crop.index)
            columns = {"LR": nearest(crop.lr, crop.scale), "bicubic": interpolate(crop.lr, crop.scale)}
            if self._start_label:
                columns[self._start_label] = read_image(_start_path(trainer, crop.scale, crop.index))
            self.latest[name] = side_by_side({**columns, self._label: to_uint8(crop.sr), "HR": crop.hr})
            write_image(trainer.run.path / "pictures" / f"step-{trainer.step:09}-{name}.png", self.latest[name])


def picture_crops(valid: "Pairs | MultiScalePairs") -> Iterator[tuple[int, int, np.ndarray, np.ndarray]]:
    """Yields `(scale, index, lr, hr)` of the middles that pictures show."""
    for pairs in valid.pairs_by_scale:
        for index in range(min(_NUM_PICTURES, len(pairs))):
            yield pairs.scale, index, *picture_crop(*pairs[index], pairs.scale)


def picture_crop(
    lr: np.ndarray, hr: np.ndarray, scale: int, size_px: int = _PICTURE_PX
) -> tuple[np.ndarray, np.ndarray]:
    """The middle of a pair, aligned: about `size_px` HR px a side."""
    height, width = (min(side, size_px // scale) for side in lr.shape[:2])
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    rows, columns = slice(top, top + height), slice(left, left + width)
    hr_rows, hr_columns = (slice(part.start * scale, part.stop * scale) for part in (rows, columns))
    return lr[rows, columns], hr[hr_rows, hr_columns]


def _start_path(trainer, scale: int, index: int) -> Path:
    return trainer.run.path / "pictures" / f"start-{_name(trainer, scale, index)}.png"


def _name(trainer, scale: int, index: int) -> str:
    return f"{index}-x{scale}" if len(trainer.scales) > 1 else f"{index}"
