import cv2
import numpy as np
import pytest
from PIL import Image

from srkit import InputError
from srkit.image import INTERPOLATIONS, KERNELS, SCALES, crop_to_multiple, downscale, interpolate, to_uint8


def imresize_weights(length: int, scale: float) -> np.ndarray:
    """MATLAB's published imresize rule for one dimension, in float64: a matrix from input to output pixels.

    Independent of the kit: it follows the contributions table (centres, window, symmetric indices, normalised
    weights) and knows no phases or filters.
    """
    antialias = min(scale, 1.0)

    def kernel(x):
        x = np.abs(antialias * x)
        near = (1.5 * x - 2.5) * x * x + 1
        far = ((-0.5 * x + 2.5) * x - 4) * x + 2
        return antialias * (near * (x <= 1) + far * ((x > 1) & (x <= 2)))

    out_length, width = round(length * scale), 4 / antialias
    centre = np.arange(1, out_length + 1) / scale + 0.5 * (1 - 1 / scale)
    indices = np.floor(centre - width / 2)[:, None] + np.arange(int(np.ceil(width)) + 2)
    weights = kernel(centre[:, None] - indices)
    weights /= weights.sum(axis=1, keepdims=True)
    mirrored = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    columns = mirrored[np.mod(indices.astype(int) - 1, 2 * length)]
    matrix = np.zeros((out_length, length))
    np.add.at(matrix, (np.arange(out_length)[:, None], columns), weights)
    return matrix


def imresize(image: np.ndarray, scale: float) -> np.ndarray:
    rows, columns = (imresize_weights(side, scale) for side in image.shape[:2])
    exact = np.einsum("ij,jkc,lk->ilc", rows, image.astype(np.float64), columns, optimize=True)
    return np.clip(np.floor(exact + 0.5), 0, 255).astype(np.uint8)


def assert_same_but_for_rounding(image: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(image.astype(int) - expected)
    assert difference.max() <= 1
    assert np.mean(difference.any(axis=2)) <= 1e-3


@pytest.mark.parametrize("scale", SCALES)
def test_bicubic_is_matlabs(cat, scale):
    hr = crop_to_multiple(cat, scale)
    assert_same_but_for_rounding(downscale(hr, scale), imresize(hr, 1 / scale))
    lr = hr[:40, :50]
    assert_same_but_for_rounding(interpolate(lr, scale), imresize(lr, scale))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_tiny_and_flat_images_stay_flat(scale, kernel):
    flat = np.full((scale, 3 * scale, 3), (10, 200, 77), np.uint8)
    lr = downscale(flat, scale, kernel)
    assert lr.shape == (1, 3, 3)
    assert (lr == flat[0, 0]).all()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kernel", INTERPOLATIONS)
def test_tiny_and_flat_images_stay_flat_when_enlarged(scale, kernel):
    sr = interpolate(np.full((1, 3, 3), (10, 200, 77), np.uint8), scale, kernel)
    assert sr.shape == (scale, 3 * scale, 3)
    assert (sr == (10, 200, 77)).all()


def pillow(lr: np.ndarray, size: tuple[int, int], kernel: Image.Resampling) -> np.ndarray:
    """Pillow's resize in float32, channel by channel."""
    return np.stack([np.asarray(Image.fromarray(lr[..., c]).resize(size, kernel)) for c in range(3)], axis=2)


PEERS = {  # the same interpolation elsewhere, and how many LR px from the border it treats differently
    "nearest": (lambda lr, size: cv2.resize(lr, size, interpolation=cv2.INTER_NEAREST), 0),
    "bilinear": (lambda lr, size: cv2.resize(lr, size, interpolation=cv2.INTER_LINEAR), 0),
    "bicubic": (lambda lr, size: pillow(lr, size, Image.Resampling.BICUBIC), 2),
    "lanczos": (lambda lr, size: pillow(lr, size, Image.Resampling.LANCZOS), 3),
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kernel", INTERPOLATIONS)
def test_interpolation_is_that_of_other_libraries(cat, scale, kernel):
    lr = cat[:60, :70]
    peer, border = PEERS[kernel]
    inner = slice(border * scale, None if border == 0 else -border * scale)
    exact = np.clip(peer(lr.astype(np.float32), (70 * scale, 60 * scale)), 0, 255)
    difference = np.abs(interpolate(lr, scale, kernel) - exact)[inner, inner]
    assert difference.max() <= 0.5 + 1e-3  # nothing but the rounding to uint8


def test_antialiasing_keeps_less_noise_than_opencv():
    noise = np.clip(np.random.default_rng(0).normal(128, 74, (256, 256, 3)), 0, 255).astype(np.uint8)
    deviation = {kernel: downscale(noise, 4, kernel).std() for kernel in KERNELS}
    assert deviation["opencv"] > 45
    assert deviation["bicubic"] < 20


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kernel", ["bicubic", "gaussian"])
def test_lr_is_centred_on_hr(scale, kernel):
    """A kernel that is off its centre would shift a ramp's values."""
    ramp = np.repeat(np.arange(0, 128, dtype=np.uint8)[None, :, None], 3, axis=2)
    ramp = np.ascontiguousarray(np.broadcast_to(ramp, (64, 128, 3)))[:, : 128 // scale * scale]
    ramp = crop_to_multiple(ramp, scale)
    lr = downscale(ramp, scale, kernel)
    means = ramp[0, :, 0].reshape(-1, scale).mean(axis=1)
    inner = slice(4, -4)
    assert np.abs(lr[0, inner, 0] - means[inner]).max() <= 0.5


def test_gaussian_is_the_literatures_at_x3(cat):
    hr = crop_to_multiple(cat, 3)
    blurred = cv2.GaussianBlur(hr.astype(np.float64), (9, 9), 1.6, borderType=cv2.BORDER_REFLECT)
    assert_same_but_for_rounding(downscale(hr, 3, "gaussian"), to_uint8(blurred[1::3, 1::3]))


def test_uncropped_image_is_refused(cat):
    with pytest.raises(InputError, match="crop it"):
        downscale(cat[:101], 4)


def test_unknown_kernel_is_refused(cat):
    with pytest.raises(InputError, match="bicubic"):
        downscale(cat[:100, :100], 4, "cubic")
    with pytest.raises(InputError, match="lanczos"):
        interpolate(cat, 4, "cubic")
