"""Losses of VGG19's features (Ledig et al. 2017, section 2.2.1; Wang et al. 2018, section 3.3)."""

import hashlib
import os
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import ops

from srkit.errors import InputError

_FILE = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"  # as keras.applications names it
_MEAN_RGB = (123.68, 116.779, 103.939)


class VGGLoss:
    """Mean squared distance of VGG19's features, divided by 12.75 (Ledig et al. 2017, equation 5 and section 3.2).

    The paper's φ_{i,j} is the j-th convolution before the i-th max pooling, after its activation.

    Args:
        weights: A Keras `.h5` file of VGG19's convolutions. Default: `SRKIT_VGG19_WEIGHTS`, or else the file that
            keras.applications downloads and checks.

    Attributes:
        network: The frozen Keras model from images to features.

    Raises:
        InputError: The weights cannot be had. A loss on random features would look like training, and be none.
    """

    layer: str
    before_activation = False

    def __init__(self, weights: "str | os.PathLike | None" = None):
        vgg = _load_vgg19(weights or os.environ.get("SRKIT_VGG19_WEIGHTS"))
        last = vgg.get_layer(self.layer)
        if self.before_activation:
            last.activation = keras.activations.linear
        self.network = keras.Model(vgg.input, last.output, name=type(self).__name__.lower())
        self.network.trainable = False

    def __call__(self, hr, sr):
        """The loss between two batches `(batch, height, width, 3)`, RGB in [0, 255]. No gradient flows to `hr`."""
        return ops.mean(self.distance(ops.stop_gradient(self.features(hr)) - self.features(sr)))

    distance = staticmethod(ops.square)

    def features(self, image):
        """VGG19's features / 12.75 of a batch `(batch, height, width, 3)`, RGB in [0, 255]."""
        bgr = ops.flip(image - ops.convert_to_tensor(_MEAN_RGB, image.dtype), axis=-1)
        return ops.cast(self.network(bgr, training=False), "float32") / 12.75

    @property
    def fingerprint(self) -> str:
        """A text that changes with the network's weights; runs record it."""
        return fingerprint_of(self.network)


class VGG22(VGGLoss):
    """`VGGLoss` on φ_{2,2}: features of a low level."""

    layer = "block2_conv2"


class VGG54(VGGLoss):
    """`VGGLoss` on φ_{5,4}: features of a high level; SRGAN's content loss."""

    layer = "block5_conv4"


class VGG54Pre(VGGLoss):
    """Mean absolute distance of φ_{5,4} before its activation, divided by 12.75: ESRGAN's (Wang et al. 2018)."""

    layer = "block5_conv4"
    before_activation = True
    distance = staticmethod(ops.absolute)


def fingerprint_of(network: keras.Model) -> str:
    """A text that changes with a network's weights."""
    digest = hashlib.sha256()
    for variable in network.weights:
        digest.update(np.ascontiguousarray(ops.convert_to_numpy(variable)).tobytes())
    return digest.hexdigest()[:16]


def _load_vgg19(weights: "str | os.PathLike | None") -> keras.Model:
    if weights and not Path(weights).is_file():
        raise InputError(f"There is no file of VGG19 weights {weights} (argument or SRKIT_VGG19_WEIGHTS).")
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    if not weights and not (Path(home) / "models" / _FILE).is_file():
        warnings.warn("VGG19's weights are downloaded, once: 80 MB. The loss lpips needs no download.", stacklevel=2)
    try:
        return keras.applications.VGG19(include_top=False, weights=str(weights) if weights else "imagenet")
    except Exception as error:  # Keras raises whatever its download or h5py raised
        if weights:
            raise InputError(
                f"{weights} does not hold VGG19's convolution layers in Keras' layout ({type(error).__name__})."
            ) from None
        raise InputError(
            "The VGG19 weights could not be downloaded, and random ones would be no content loss. Check the network, "
            f"or set SRKIT_VGG19_WEIGHTS to a copy of {_FILE}, "
            "or use the loss lpips, whose weights come with the kit."
        ) from None
