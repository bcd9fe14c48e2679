"""Models of other people: those for one channel, and those whose values lie in [0, 1] or [-1, 1]."""

import contextlib
import itertools
import weakref
import zlib
from typing import NamedTuple

import cv2
import keras
import numpy as np
from keras import layers, ops

from srkit.errors import InputError
from srkit.models.graph import functional
from srkit.models.layers import BicubicUpsampling, FullRangeLuma, enlarged_shape
from srkit.models.shapes import enlargement_of, fixed_sides

_SIDE_PX = 64  # of the image on which a model is tried; many sizes of strides and windows divide it
_LEAST_CORRELATION = 0.5
_LARGEST = 2  # in size, of values that are taken for such in [0, 1] or [-1, 1]


class _Range(NamedTuple):
    """What the values from 0 to 255 are to a model."""

    low: float
    high: float

    @property
    def scale(self) -> float:
        return (self.high - self.low) / 255


class _Kind(NamedTuple):
    """What a model takes and makes."""

    channels: int
    scale: int
    taken: _Range
    given: _Range


class _Tried(NamedTuple):
    """What was found by trying a model.

    Attributes:
        checksum: The checksum of its weights at that time.
        kind: Its kind; None if it may stay as it is.
        adapted: The model as one for RGB in [0, 255]; None if it may stay as it is.
    """

    checksum: int
    kind: _Kind | None
    adapted: keras.Model | None


_OWN, _OTHERS = _Range(0, 255), (_Range(0, 1), _Range(-1, 1))

_tried: "weakref.WeakKeyDictionary[keras.Model, _Tried]" = weakref.WeakKeyDictionary()


def adapted(model: keras.Model) -> keras.Model:
    """A model of another kind as one that takes and returns RGB in [0, 255]; the same one, where it does so.

    - One channel: the model enlarges the luma (ITU-R BT.601), and a bicubic the colours, as SRCNN was published.
    - Values in [0, 1] or [-1, 1]: they are assumed where what the model makes of a bright image lies in [-2, 2] and
      looks like that image in one of these ranges. What lies in such a range, its output or both, is found by trying,
      once for the weights that it has.

    ```python
    model = adapted(model)
    ```

    Args:
        model: A model from LR to SR.

    Returns:
        The model, or one that computes with its layers and weights.
    """
    if hasattr(model, "config") or isinstance(getattr(model, "outputs", None), dict):
        return model  # of srkit's, or for several scales
    checksum, tried = _checksum(model), _tried.get(model)
    if tried is None or tried.checksum != checksum:
        kind = _kind_of(model)
        if tried is None or tried.kind != kind:
            tried = _Tried(checksum, kind, _around(model, kind) if kind else None)
        _tried[model] = tried = tried._replace(checksum=checksum)
    return model if tried.adapted is None else tried.adapted


def _checksum(model: keras.Model) -> int:
    checksum = 0
    for weight in model.weights:
        checksum = zlib.crc32(ops.convert_to_numpy(weight).tobytes(), checksum)
    return checksum


def _kind_of(model: keras.Model) -> _Kind | None:
    """The kind of a model; None for one that takes and makes RGB in [0, 255], or is none for super-resolution.

    Of the latter, `srkit.models.scale_of` says why.
    """
    for channels in (3, 1):
        with contextlib.suppress(InputError):
            kind = _Kind(channels, enlargement_of(model, channels), *_ranges_of(model, channels))
            return None if (channels, kind.taken, kind.given) == (3, _OWN, _OWN) else kind
    return None


def _ranges_of(model: keras.Model, channels: int) -> tuple[_Range, _Range]:
    """The ranges of what a model takes and makes."""
    lr = _trial_image(model)[..., :channels]
    made = _applied(model, lr)
    if not (np.abs(made) <= _LARGEST).all():
        return _OWN, _OWN
    errors = {}
    for taken, given in itertools.product((_OWN, *_OTHERS), _OTHERS):
        small = cv2.resize(_applied(model, lr * taken.scale + taken.low), lr.shape[1::-1], interpolation=cv2.INTER_AREA)
        small = small.reshape(lr.shape)
        if small.std() and np.corrcoef(small.ravel(), lr.ravel())[0, 1] >= _LEAST_CORRELATION:
            errors[taken, given] = np.abs((small - given.low) / given.scale - lr).mean()
    return min(errors, key=errors.get, default=(_OWN, _OWN))


def _trial_image(model: keras.Model) -> np.ndarray:
    """A bright image with soft edges in all colours: float32, RGB in [0, 255]."""
    height, width = (side or _SIDE_PX for side in fixed_sides(model))
    spots = np.random.default_rng(0).choice([0, 255], (5, 5, 3)).astype(np.float32)
    return cv2.resize(spots, (width, height), interpolation=cv2.INTER_LINEAR)


def _applied(model: keras.Model, image: np.ndarray) -> np.ndarray:
    return ops.convert_to_numpy(model(image[None], training=False))[0].astype(np.float32)


def _around(model: keras.Model, kind: _Kind) -> keras.Model:
    """The model between layers that convert its input and output."""
    channels, scale, taken, given = kind
    image = keras.Input((*fixed_sides(model), 3))
    x = layers.Rescaling(taken.scale, taken.low)(FullRangeLuma()(image) if channels == 1 else image)
    x = (functional(model) or _ProgramCode(model, scale))(x)
    x = layers.Rescaling(1 / given.scale, -given.low / given.scale)(x)
    if channels == 1:
        bicubic = BicubicUpsampling(scale)(image)
        x = layers.Add()([bicubic, layers.Subtract()([x, FullRangeLuma()(bicubic)])])
    return keras.Model(image, x, name=model.name)


@keras.saving.register_keras_serializable("srkit")
class _ProgramCode(layers.Layer):
    """A model of which Keras may not know the shape of what it makes."""

    def __init__(self, model: keras.Model, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.model, self.scale = model, scale

    def call(self, inputs, training=None):
        return self.model(inputs, training=training)

    def compute_output_shape(self, input_shape):
        return enlarged_shape(input_shape, self.scale, input_shape[-1])
