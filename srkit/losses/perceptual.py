"""LPIPS: how different two images look, by the features of AlexNet (Zhang et al. 2018)."""

import functools

import keras
import numpy as np
from keras import layers, ops

from srkit.errors import InputError
from srkit.losses.vgg import fingerprint_of
from srkit.models.presets import weights_dir

_SHIFT_RGB = (-0.030, -0.088, -0.188)
_SCALE_RGB = (0.458, 0.448, 0.450)
_PHASES = ((0, 0), (1, 2), (2, 1), (3, 3))  # of AlexNet's stride: each row and column once


class LPIPS:
    """LPIPS with AlexNet, version 0.1: a perceptual distance, as the metric `lpips` computes it.

    "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric" (Zhang et al. 2018). At five depths, the
    features of both images are scaled to unit length at each place; their squared differences are summed with weights
    that were fitted to people's judgements, and averaged over the places. Equal images have 0. The weights, 4.6 MB in
    float16, come with the kit.

    Attributes:
        network: The frozen Keras model from images to the five features.
    """

    smallest_px = 31  # with less, AlexNet's second pooling has no output

    def __init__(self):
        weights = _load_weights()
        self.network = _alexnet(weights)
        self._heads = [weights[f"lin{number}/kernel"] for number in range(1, 6)]

    def __call__(self, hr, sr):
        """The mean distance of two batches `(batch, height, width, 3)`, RGB in [0, 255], of at least 31 px a side.

        No gradient flows to `hr`.
        """
        if min(hr.shape[1:3]) < self.smallest_px:
            raise InputError(
                f"LPIPS needs images of at least {self.smallest_px}x{self.smallest_px} px; "
                f"received {hr.shape[2]}x{hr.shape[1]} px."
            )
        total = 0.0
        for of_hr, of_sr, head in zip(self._features(hr), self._features(sr), self._heads):
            squares = ops.square(ops.stop_gradient(of_hr) - of_sr)
            total = total + ops.mean(ops.sum(squares * head, axis=-1))
        return total

    @property
    def fingerprint(self) -> str:
        """A text that changes with the network's weights; runs record it."""
        return fingerprint_of(self.network)

    def _features(self, image) -> list:
        scaled = ops.convert_to_tensor(image, "float32") / 127.5 - 1
        normalized = (scaled - np.float32(_SHIFT_RGB)) / np.float32(_SCALE_RGB)
        return [_unit(ops.cast(feature, "float32")) for feature in self.network(normalized, training=False)]


class LPIPSLoss(LPIPS):
    """LPIPS to train with, the loss `lpips`: parts of the batch are moved by 0 to 3 px.

    AlexNet's first convolution takes every fourth pixel. The grid of an upsampler to x4 has the same period, and crops
    always begin on it: a generator learns a weave that falls between the places where the network looks. So a quarter
    of the batch each loses other rows and columns at its edges, three of each.
    """

    smallest_px = LPIPS.smallest_px + 3

    def _features(self, image) -> list:
        return super()._features(_moved(image))


def _moved(image):
    """`(batch, height - 3, width - 3, 3)`, each quarter cut at another place; one image is cut at its first pixel."""
    height, width = (side - 3 for side in image.shape[1:3])
    return ops.concatenate([image[k::4, y : y + height, x : x + width] for k, (y, x) in enumerate(_PHASES)])


def _unit(feature):
    """Vectors over the channels, scaled to unit length."""
    # Inside the root, so that its gradient is finite where a feature is zero.
    length = ops.sqrt(ops.sum(ops.square(feature), axis=-1, keepdims=True) + 1e-20)
    return feature / (length + 1e-10)


@functools.cache
def _load_weights() -> dict[str, np.ndarray]:
    path = weights_dir() / "lpips-alex.npz"
    try:
        with np.load(path) as file:
            return {name: file[name].astype(np.float32) for name in file.files}
    except (OSError, ValueError):
        raise InputError(f"The weights of LPIPS, {path}, are missing or damaged: install srkit anew.") from None


def _alexnet(weights: dict[str, np.ndarray]) -> keras.Model:
    """AlexNet's five convolutions, each followed by ReLU: the model's five outputs."""
    image = keras.Input((None, None, 3), name="image")
    x, outputs = layers.ZeroPadding2D(2, name="padding")(image), []
    convolutions = [("valid", 4), ("same", 1), ("same", 1), ("same", 1), ("same", 1)]
    for number, (padding, strides) in enumerate(convolutions, start=1):
        size, _, _, filters = weights[f"conv{number}/kernel"].shape
        if number in (2, 3):
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number - 1}")(x)
        x = layers.Conv2D(
            filters, size, strides=strides, padding=padding, activation="relu", dtype="float32", name=f"conv{number}"
        )(x)
        outputs.append(x)
    network = keras.Model(image, outputs, name="lpips_alexnet")
    for number in range(1, 6):
        network.get_layer(f"conv{number}").set_weights([weights[f"conv{number}/{part}"] for part in ("kernel", "bias")])
    network.trainable = False
    return network
