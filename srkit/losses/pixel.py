"""Losses of pixels: of values, colours, and their variation."""

from keras import ops

_LUMA_OF_RGB = (0.299, 0.587, 0.114)


def l1(hr, sr):
    """Mean absolute error of images scaled to [-1, 1]: EDSR's loss (Lim et al. 2017, section 3.4).

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
    """
    return ops.mean(ops.absolute((hr - sr) / 127.5))


def mse(hr, sr):
    """Mean squared error of images scaled to [-1, 1]: SRResNet's loss (Ledig et al. 2017, equation 4).

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
    """
    return ops.mean(ops.square((hr - sr) / 127.5))


def colour(hr, sr, scale: int):
    """Mean absolute error of colours: of each pixel's chroma, of brightness averaged over blocks, of each image's mean.

    VGG's deep features say little about colours and brightness; this holds them. Fine detail of brightness is left
    free: what LR does not show averages out over blocks of `scale` x `scale` px. The means have a term of their own,
    since absolute errors are least at the median, whose mean may differ. Images are scaled to [-1, 1]; brightness is
    BT.601's luma, chroma is what the channels have more.

    Args:
        hr, sr: `(batch, height, width, 3)`, RGB in [0, 255].
        scale: The factor of super-resolution.
    """
    difference = (hr - sr) / 127.5
    luma = luma_of(difference)
    blocks = ops.average_pool(luma, scale, strides=scale)
    means = ops.mean(difference, axis=(1, 2))
    return sum(ops.mean(ops.absolute(error)) for error in (difference - luma, blocks, means))


def total_variation(hr, sr):
    """Total variation of SR scaled to [-1, 1]: the sum of absolute differences of neighbouring pixels.

    Differences to the right and downwards are summed over all pixels and channels of an image, and averaged over the
    batch. The SRGAN paper adds it with a weight of 2e-8 to the content loss of SRResNet-VGG22 (Ledig et al. 2017,
    section 3.4). A sum grows with the crops: the paper's weight is for its crops of 96x96 px.

    Args:
        hr: Not used; losses have one signature.
        sr: `(batch, height, width, 3)`, RGB in [0, 255].
    """
    downwards = ops.absolute(sr[:, 1:] - sr[:, :-1])
    rightwards = ops.absolute(sr[:, :, 1:] - sr[:, :, :-1])
    per_image = ops.sum(downwards, axis=(1, 2, 3)) + ops.sum(rightwards, axis=(1, 2, 3))
    return ops.mean(per_image) / 127.5


def luma_of(image):
    """BT.601's luma in full range: `(batch, height, width, 1)`."""
    return ops.sum(image * ops.convert_to_tensor(_LUMA_OF_RGB, image.dtype), axis=-1, keepdims=True)
