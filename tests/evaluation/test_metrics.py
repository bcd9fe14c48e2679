import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srkit import InputError
from srkit.evaluation import metrics
from srkit.image import crop_to_multiple, downscale, interpolate, y_channel


@pytest.fixture
def reconstruction(cat):
    hr = crop_to_multiple(cat, 4)
    return hr, interpolate(downscale(hr, 4), 4)


@pytest.mark.parametrize("border", [0, 4])
def test_rgb_scores_are_scikit_images(reconstruction, border):
    hr, sr = reconstruction
    cut = (slice(border, hr.shape[0] - border), slice(border, hr.shape[1] - border))
    expected = structural_similarity(
        hr[cut], sr[cut], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, channel_axis=2, data_range=255
    )
    assert metrics.ssim(hr, sr, border=border) == pytest.approx(expected, abs=1e-6)
    assert metrics.psnr(hr, sr, border=border) == pytest.approx(peak_signal_noise_ratio(hr[cut], sr[cut]), abs=1e-6)


def test_luma_scores_are_those_of_the_8_bit_y_channel(reconstruction):
    hr, sr = reconstruction
    y_hr, y_sr = (np.repeat(y_channel(image)[..., None], 3, axis=2) for image in (hr, sr))
    assert metrics.psnr(hr, sr, border=4, channel="y") == pytest.approx(metrics.psnr(y_hr, y_sr, border=4))
    assert metrics.ssim(hr, sr, border=4, channel="y") == pytest.approx(metrics.ssim(y_hr, y_sr, border=4))


def test_equal_images(cat):
    assert metrics.psnr(cat, cat) == float("inf")
    assert metrics.ssim(cat, cat) == pytest.approx(1)


def test_float_images_are_refused(cat):
    """Scores of [0, 1] images against [0, 255] ones are the classic wrong number."""
    with pytest.raises(InputError, match="uint8"):
        metrics.psnr(cat, cat / 255)


def test_other_shapes_and_too_large_borders_are_refused(cat):
    with pytest.raises(InputError, match="one shape"):
        metrics.psnr(cat, cat[:-1])
    with pytest.raises(InputError, match="border"):
        metrics.psnr(cat[:8], cat[:8], border=4)
    with pytest.raises(InputError, match="11x11"):
        metrics.ssim(cat[:10], cat[:10])
