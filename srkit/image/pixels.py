"""Arithmetic on the pixels of uint8 RGB images: rounding, brightness, crops, sizes."""

import cv2
import numpy as np

_LUMA_OF_RGB = np.array([[0.299, 0.587, 0.114]], np.float32)  # ITU-R BT.601, full range


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Rounds values to uint8 (never truncates them), and clips those outside [0, 255]."""
    rounded = np.rint(image)
    return np.clip(rounded, 0, 255, out=rounded).astype(np.uint8)


def y_channel(image: np.ndarray) -> np.ndarray:
    """The 8-bit Y channel that super-resolution papers score, as MATLAB's `rgb2ycbcr` gives it for uint8.

    Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, rounded: ITU-R BT.601 in studio range, 16 to 235.

    Args:
        image: uint8 array of shape (height, width, 3), RGB.

    Returns:
        uint8 array of shape (height, width).
    """
    weights = np.array([[65.481, 128.553, 24.966]]) / 255
    return to_uint8(cv2.transform(image.astype(np.float64), weights) + 16)


def full_range_luma(image: np.ndarray) -> np.ndarray:
    """The brightness from 0 to 255: ITU-R BT.601 in full range, as JPEG and televisions have it, not rounded.

    Args:
        image: Array of shape (height, width, 3), RGB in [0, 255].

    Returns:
        float32 array of shape (height, width, 1).
    """
    return cv2.transform(image.astype(np.float32, copy=False), _LUMA_OF_RGB)[..., None]


def to_grey(image: np.ndarray) -> np.ndarray:
    """The grey version of a uint8 RGB image, in three equal channels."""
    return np.repeat(to_uint8(full_range_luma(image)), 3, axis=2)


def crop_to_multiple(image: np.ndarray, scale: int) -> np.ndarray:
    """Cuts the bottom rows and right columns that keep an image's sides from being multiples of `scale`.

    >>> crop_to_multiple(np.zeros((10, 13, 3), np.uint8), 4).shape
    (8, 12, 3)
    """
    height, width = (side - side % scale for side in image.shape[:2])
    return image[:height, :width]


def centre_crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cuts the middle out of an image. A side that the image does not have is as long as the image."""
    top, left = (max(0, (have - want) // 2) for have, want in zip(image.shape, (height, width), strict=False))
    return image[top : top + height, left : left + width]


def nearest(lr: np.ndarray, scale: int) -> np.ndarray:
    """Repeats each pixel `scale` x `scale` times."""
    return lr.repeat(scale, axis=0).repeat(scale, axis=1)


def size_text(image: np.ndarray) -> str:
    """The size of an image in words.

    >>> size_text(np.zeros((480, 640, 3), np.uint8))
    '640x480 px'
    """
    return f"{image.shape[1]}x{image.shape[0]} px"
