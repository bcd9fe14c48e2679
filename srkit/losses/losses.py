"""Losses: pixels, total variation, VGG features, and the two sides of the adversarial game. `keras.ops` only."""

import hashlib
import os
from pathlib import Path

import cv2
import keras
import numpy as np
from keras import ops

from srkit.errors import InputError, check_choice

CONTENT_LOSSES = ("mse", "mae", "vgg22", "vgg54")

# φ_{i,j} of the SRGAN paper is the j-th convolution, after its activation, before the i-th max pooling.
_VGG_LAYERS = {"vgg22": "block2_conv2", "vgg54": "block5_conv4"}
_LUMA_OF_RGB = (0.299, 0.587, 0.114)
_VGG_MEAN_RGB = (123.68, 116.779, 103.939)
_DCT = cv2.dct(np.eye(8), flags=cv2.DCT_ROWS).T  # of 8 values; orthonormal


def mse(hr, sr):
    """Mean squared error of images scaled to [-1, 1] (Ledig et al. 2017, equation 4). Arguments in [0, 255]."""
    return ops.mean(ops.square((hr - sr) / 127.5))


def mae(hr, sr):
    """Mean absolute error of images scaled to [-1, 1]: EDSR's L1 loss. Arguments in [0, 255]."""
    return ops.mean(ops.absolute((hr - sr) / 127.5))


def colour(hr, sr, scale: int):
    """Mean absolute error of colours: of each pixel's chroma, of brightness averaged over blocks, of each image's mean.

    It holds colours and brightness, about which VGG's deep features say little, and keeps a young GAN's texture from
    being coloured noise. Fine detail of brightness is left free: all that LR does not show averages out over blocks of
    `scale` x `scale` px. Means are there since absolute errors are least at the median, whose mean may differ.
    Images are scaled to [-1, 1]; brightness is BT.601's luma, chroma what the channels have more.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
        scale: The factor of super-resolution.
    """
    difference = (hr - sr) / 127.5
    luma = _luma(difference)
    blocks = ops.average_pool(luma, scale, strides=scale)
    means = ops.mean(difference, axis=(1, 2))
    return sum(ops.mean(ops.absolute(error)) for error in (difference - luma, blocks, means))


def grid(hr, sr, scale: int):
    """How much stronger SR is than HR, in log power, at the multiples of 1 / `scale` cycle per px, in both directions.

    Upsampling works on blocks of `scale` x `scale` px, and draws a fine grid where it favours some places in them: its
    power lies at these frequencies, where natural images have hardly more than beside them. What is weaker than in HR
    is no grid, and costs nothing. Power is that of each channel, from a Hann window of the whole crop, averaged over
    the batch; below one grey level it counts for little.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
        scale: The factor of super-resolution.
    """
    ratio = (_grid_power(sr, scale) + 1) / (_grid_power(hr, scale) + 1)
    return ops.mean(ops.relu(ops.log(ratio)))


def _grid_power(image, scale: int):
    """Power at each multiple of 1 / `scale` but the mean: `(scale² - 1, 3)`."""
    image = image - ops.mean(image, axis=(1, 2), keepdims=True)
    rows, columns = (_constant(_waves(side, scale), image) for side in image.shape[1:3])
    parts = ops.einsum("uy,byxc,vx->buvc", rows, image, columns)
    cos, sin = slice(None, scale), slice(scale, None)
    real = parts[:, cos, cos] - parts[:, sin, sin]
    imaginary = parts[:, cos, sin] + parts[:, sin, cos]
    power = ops.mean(ops.square(real) + ops.square(imaginary), axis=0)
    return ops.reshape(power, (-1, 3))[1:]


def _waves(length: int, scale: int) -> np.ndarray:
    """Windowed cosines, then sines, of all multiples of 1 / `scale` cycle per px: `(2 * scale, length)`."""
    window = np.hanning(length)
    phases = 2 * np.pi / scale * np.outer(np.arange(scale), np.arange(length))
    return np.concatenate([np.cos(phases), np.sin(phases)]) * window / np.sqrt(np.sum(window**2))


def spectrum(hr, sr):
    """Mean absolute difference of log power by frequency, in regions and in all: texture as strong, where it belongs.

    A loss of pixels or features is lowest for the mean of all details that LR allows, which is blurred: it lacks power
    at high frequencies. A game against a discriminator brings it back slowly, and too much of it at single frequencies,
    as dots or ripples (Durall et al. 2020, "Watch your up-convolution", have a like term). Here power is that of the
    discrete cosine transform of brightness in blocks of 8x8 px, and two differences are added. That of regions of 2x2
    blocks says where texture belongs. (Over 4x4 blocks what a blurred edge lacked was made up for by noise around it.)
    Alone it left detail at two thirds of the originals' strength: absolute differences are least at the median, which
    is below the mean where few regions hold most of the power. So that of the whole crop says how much there is. Below
    one grey level power counts for little: sensors' noise is not to be learned.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255]; sides of at least 8 px. Of larger ones than 16 px, what
            is left beside whole regions does not count.
    """
    powers = zip(_powers(hr), _powers(sr))
    return sum(ops.mean(ops.absolute(ops.log((of_hr + 1) / (of_sr + 1)))) for of_hr, of_sr in powers)


def _powers(image):
    """Power at 64 frequencies in regions of 16x16 px and in all: `(batch, regions down, across, 64)`, `(batch, 64)`."""
    size = _DCT.shape[0]
    rows, columns = image.shape[1] // size, image.shape[2] // size
    luma = _luma(image[:, : rows * size, : columns * size])
    blocks = ops.reshape(luma, (-1, rows, size, columns, size))
    dct = _constant(_DCT, image)
    power = ops.square(ops.einsum("uy,brycx,vx->brcuv", dct, blocks, dct))
    region = min(2, rows, columns)
    power = ops.average_pool(ops.reshape(power, (-1, rows, columns, size * size)), region, strides=region)
    return power, ops.mean(power, axis=(1, 2))


def total_variation(sr):
    """Total variation of images scaled to [-1, 1]: the sum of absolute differences of neighbouring pixels.

    Differences to the right and downwards are summed over all pixels and channels of an image, without a division by
    their number, and averaged over the batch. The SRGAN paper adds this, weighted by 2e-8, to the content loss of
    SRResNet-VGG22 (Ledig et al. 2017, section 3.4) and leaves the definition to its references [2, 30], which sum over
    the pixels. A sum grows with the crops: the paper's weight is for the paper's, of 96x96 px.

    Args:
        sr: `(batch, height, width, 3)`, RGB in [0, 255].
    """
    downwards = ops.absolute(sr[:, 1:] - sr[:, :-1])
    rightwards = ops.absolute(sr[:, :, 1:] - sr[:, :, :-1])
    per_image = ops.sum(downwards, axis=(1, 2, 3)) + ops.sum(rightwards, axis=(1, 2, 3))
    return ops.mean(per_image) / 127.5


class VGGLoss:
    """Mean squared distance of VGG19 features, divided by 12.75 (Ledig et al. 2017, equation 5 and section 3.2).

    Args:
        layer: `"vgg22"` (low-level features) or `"vgg54"` (high-level ones, SRGAN's).
        weights: A Keras `.h5` file of VGG19's convolutions. Without: `SRKIT_VGG19_WEIGHTS`, or else the file that
            keras.applications downloads and checks.

    Raises:
        InputError: The weights cannot be had. A loss on random features would look like training, and be none.
    """

    def __init__(self, layer: str = "vgg54", weights: "str | os.PathLike | None" = None):
        vgg = _load_vgg19(weights or os.environ.get("SRKIT_VGG19_WEIGHTS"))
        self._features = keras.Model(vgg.input, vgg.get_layer(_VGG_LAYERS[layer]).output, name=layer)
        self._features.trainable = False

    def __call__(self, hr, sr):
        """The loss between two batches `(batch, height, width, 3)`, RGB in [0, 255]. No gradient flows to `hr`."""
        return ops.mean(ops.square(ops.stop_gradient(self.features(hr)) - self.features(sr)))

    def features(self, image):
        """VGG19's features / 12.75 of a batch `(batch, height, width, 3)`, RGB in [0, 255]."""
        bgr = ops.flip(image - _constant(_VGG_MEAN_RGB, image), axis=-1)
        return ops.cast(self._features(bgr, training=False), "float32") / 12.75

    @property
    def identity(self) -> str:
        """A text that changes with the network's weights; runs record it."""
        digest = hashlib.sha256()
        for variable in self._features.weights:
            digest.update(np.ascontiguousarray(ops.convert_to_numpy(variable)).tobytes())
        return digest.hexdigest()[:16]

    @property
    def model(self) -> keras.Model:
        """The network behind the features."""
        return self._features


def content_loss(name: str, vgg_weights: "str | os.PathLike | None" = None):
    """The content loss of that name: a function of `(hr, sr)`. See `mse`, `mae` and `VGGLoss`."""
    check_choice("content loss", name, CONTENT_LOSSES)
    return {"mse": mse, "mae": mae}.get(name) or VGGLoss(name, vgg_weights)


def generator_loss(sr_logits):
    """-log D(SR), mean over the batch (Ledig et al. 2017, equation 6)."""
    return _cross_entropy(1.0, sr_logits)


def discriminator_loss(hr_logits, sr_logits):
    """-log D(HR) - log(1 - D(SR)), mean over the batch (Ledig et al. 2017, equation 2)."""
    return _cross_entropy(1.0, hr_logits) + _cross_entropy(0.0, sr_logits)


def _cross_entropy(target: float, logits):
    targets = ops.full_like(logits, target)
    return ops.mean(ops.binary_crossentropy(targets, logits, from_logits=True))


def _luma(image):
    """BT.601's, full range: `(batch, height, width, 1)`."""
    return ops.sum(image * _constant(_LUMA_OF_RGB, image), axis=-1, keepdims=True)


def _constant(values, like):
    return ops.convert_to_tensor(values, dtype=like.dtype)


def _load_vgg19(weights: "str | os.PathLike | None") -> keras.Model:
    if weights and not Path(weights).is_file():
        raise InputError(f"There is no file of VGG19 weights {weights} (argument or SRKIT_VGG19_WEIGHTS).")
    try:
        return keras.applications.VGG19(include_top=False, weights=str(weights) if weights else "imagenet")
    except Exception as error:  # Keras raises whatever its download or h5py raised
        if weights:
            raise InputError(
                f"{weights} does not hold VGG19's convolution layers in Keras' layout ({type(error).__name__})."
            ) from None
        raise InputError(
            "The VGG19 weights could not be downloaded, and random ones would be no content loss. Check the network, "
            "or set SRKIT_VGG19_WEIGHTS to a copy of vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, "
            "or use content_loss='mse'."
        ) from None
