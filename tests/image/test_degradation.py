import io
import itertools

import cv2
import numpy as np
import pytest
from PIL import Image

from srkit import InputError
from srkit.image import KERNELS, SCALES, Degradation, Realistic, crop_to_multiple, downscale, get_degradation, to_grey
from srkit.image.degradation_steps import RESIZE_KERNELS, Blur, Compress, Noise, Resize

HR_PX, WAVES = 192, 5
BLURS = [Blur(2.0, 2.0), Blur(3.0, 0.7, 0.4), Blur(0.5, 2.5, 2.0), Blur(0.2, 0.2)]
COMPRESSIONS = [Compress(30), Compress(75), Compress(95, full_chroma=True)]


def waves() -> np.ndarray:
    """An image with some waves along each side, 192x192 px, float32."""
    wave = 50 * np.cos(2 * np.pi * WAVES * (np.arange(HR_PX) + 0.5) / HR_PX)
    plane = 128 + wave[:, None] + wave
    return np.stack([plane, plane * 0.9, plane * 0.8], axis=2).astype(np.float32)


def shifts(image: np.ndarray, lr_px: float) -> np.ndarray:
    """How far the waves lie from their place, down and to the right, in LR px: by the phase of the best fit."""
    found = []
    for axis in (1, 0):
        profile = image[..., 0].astype(np.float64).mean(axis=axis)
        angle = 2 * np.pi * WAVES * (np.arange(len(profile)) + 0.5) / len(profile)
        inner = slice(len(profile) // 10, -len(profile) // 10)  # borders are continued in several ways
        terms = np.stack([np.cos(angle), np.sin(angle), np.ones_like(angle)], axis=1)
        (cosine, sine, _), *_ = np.linalg.lstsq(terms[inner], profile[inner], rcond=None)
        found.append(np.arctan2(sine, cosine) / (2 * np.pi * WAVES) * lr_px)
    return np.array(found)


def assert_aligned(image: np.ndarray, lr_px: float) -> None:
    assert np.abs(shifts(image, lr_px)).max() <= 0.05


def test_shift_is_measured():
    moved = waves()[4:, 2:]
    grown = np.pad(moved, ((0, 4), (0, 2), (0, 0)), mode="edge")
    assert shifts(grown, 48) == pytest.approx([-1, -0.5], abs=0.02)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [*KERNELS, "jpeg30", "jpeg75", "jpeg95"])
def test_fixed_degradations_do_not_shift(name, scale):
    assert_aligned(get_degradation(name, scale)(waves().astype(np.uint8)), HR_PX / scale)


@pytest.mark.parametrize("step", [*BLURS, *COMPRESSIONS], ids=str)
def test_blur_and_jpeg_do_not_shift(step):
    assert_aligned(step(waves(), None), HR_PX)
    small = cv2.resize(waves(), (48, 48), interpolation=cv2.INTER_AREA)
    assert_aligned(step(small, None), 48)


@pytest.mark.parametrize("kernels", itertools.product(RESIZE_KERNELS, RESIZE_KERNELS), ids="-".join)
@pytest.mark.parametrize("size", [(29, 29), (41, 53), (77, 60), (96, 95)], ids=str)
def test_resizing_over_any_size_does_not_shift(kernels, size):
    there, back = kernels
    between = Resize(*size, there)(waves())
    assert between.shape == (*size, 3)
    assert_aligned(between, 48)
    assert_aligned(Resize(48, 48, back)(between), 48)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_nothing_that_is_drawn_shifts(scale):
    hr = waves().astype(np.uint8)
    without_jpeg, with_jpeg = Realistic(scale, noise=0.0, jpeg=0.0, first_jpeg=0.0), Realistic(scale, noise=0.0)
    measured = []
    for seed in range(100):
        assert_aligned(without_jpeg(hr, np.random.default_rng(seed)), HR_PX / scale)
        measured.append(shifts(with_jpeg(hr, np.random.default_rng(seed)), HR_PX / scale))
    # JPEG's rounding bends single waves, but in no direction more than in another.
    assert np.abs(np.mean(measured, axis=0)).max() <= 0.01


def test_noise_has_the_deviation_asked_for_and_no_mean():
    flat = np.full((200, 200, 3), (50, 128, 200), np.float32)
    gaussian = Noise(8.0)(flat, np.random.default_rng(0)) - flat
    assert gaussian.std(axis=(0, 1)) == pytest.approx([8, 8, 8], rel=0.03) and np.abs(gaussian.mean()) < 0.1
    poisson = Noise(8.0, "poisson")(flat, np.random.default_rng(0)) - flat
    assert poisson.std(axis=(0, 1)) == pytest.approx(8 * np.sqrt([50 / 255, 128 / 255, 200 / 255]), rel=0.03)
    for kind in ("gaussian", "poisson"):
        grey = Noise(8.0, kind, is_grey=True)(flat, np.random.default_rng(0)) - flat
        assert np.abs(grey - grey[..., :1]).max() < 1e-3


@pytest.mark.parametrize("quality", [1, 30, 75, 95, 100])
@pytest.mark.parametrize("full_chroma", [False, True])
def test_jpeg_is_that_of_pillow(cat, quality, full_chroma):
    file = io.BytesIO()
    Image.fromarray(cat).save(file, "JPEG", quality=quality, subsampling=0 if full_chroma else 2)
    expected = np.asarray(Image.open(file))
    np.testing.assert_allclose(Compress(quality, full_chroma)(cat).astype(int), expected, atol=1)


def test_jpeg_degradation_is_bicubic_then_jpeg(cat):
    hr = crop_to_multiple(cat, 4)
    lr = get_degradation("jpeg40", 4)(hr)
    np.testing.assert_array_equal(lr, Compress(40)(downscale(hr, 4)))
    assert lr.dtype == np.uint8 and (lr != downscale(hr, 4)).any()


def test_same_state_of_the_generator_gives_the_same_lr(cat):
    hr, before = cat[:96, :96], cat[:96, :96].copy()
    degrade, other = Realistic(4), Realistic(4)
    first = [degrade(hr, np.random.default_rng(seed)) for seed in range(30)]
    again = [other(np.ascontiguousarray(hr), np.random.default_rng(seed)) for seed in reversed(range(30))][::-1]
    np.testing.assert_array_equal(first, again)
    assert all(lr.shape == (24, 24, 3) and lr.dtype == np.uint8 for lr in first)
    assert len({lr.tobytes() for lr in first}) > 25
    np.testing.assert_array_equal(hr, before)


def test_share_that_was_asked_for_is_clean(cat):
    hr = cat[:96, :96]
    bicubic = downscale(np.ascontiguousarray(hr), 4)
    count = dict.fromkeys((0.0, 0.3, 1.0), 0)
    for share, seed in itertools.product(count, range(200)):
        count[share] += np.array_equal(Realistic(4, clean=share)(hr, np.random.default_rng(seed)), bicubic)
    assert count[1.0] == 200
    assert count[0.3] - count[0.0] == pytest.approx(60, abs=20)


@pytest.mark.parametrize("name", [*KERNELS, "jpeg30", "jpeg90"])
def test_grey_stays_grey(cat, name):
    lr = get_degradation(name, 4)(to_grey(crop_to_multiple(cat, 4)))
    assert (lr == lr[..., :1]).all()


def test_grey_stays_grey_but_for_noise_in_colour(cat):
    hr, degrade = to_grey(cat[:96, :96]), Realistic(4, grey_noise=1.0)
    for seed in range(60):
        lr = degrade(hr, np.random.default_rng(seed)).astype(int)
        assert np.abs(lr - lr[..., :1]).max() <= 1  # where the rounding of sums in three channels differs


def test_fingerprint_knows_the_ranges():
    assert Realistic(4).fingerprint == get_degradation("realistic", 2).fingerprint
    assert Realistic(4, noise=0.1).fingerprint != Realistic(4).fingerprint
    assert get_degradation("jpeg75", 4).fingerprint == "jpeg75"


def test_what_cannot_be_done_is_refused(cat):
    for name in ("jpeg0", "jpeg101", "jpeg", "lanczos"):
        with pytest.raises(InputError, match="bicubic, opencv, gaussian, realistic, or jpeg and a quality"):
            get_degradation(name, 4)
    with pytest.raises(InputError, match="crop it"):
        Realistic(4)(cat[:97, :96], np.random.default_rng(0))
    with pytest.raises(InputError, match="generator"):
        Realistic(4)(cat[:96, :96])


def test_degradation_of_ones_own(cat):
    class Darker(Degradation):
        def __call__(self, hr, rng=None):
            return downscale(hr, self.scale) // 2

    mine = Darker(4, "darker")
    assert get_degradation(mine, 4) is mine and mine.fingerprint == "darker" and not mine.is_random
    with pytest.raises(InputError, match="scale=2"):
        get_degradation(mine, 2)
