import sys
import types

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srkit import InputError
from srkit.evaluation import METRICS, Protocol, checkerboard_power, colour_shift, dists_network, metrics
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


def test_lpips_is_the_reference_implementations():
    """0.305356 is what the authors' code gives for this pair, with float32 weights."""
    hr = data.astronaut()
    sr = interpolate(downscale(hr, 4), 4)
    assert metrics.lpips(hr, sr) == pytest.approx(0.305356, abs=2e-4)
    assert metrics.lpips(hr, hr) == 0
    with pytest.raises(InputError, match="31x31"):
        metrics.lpips(hr[:36, :36], sr[:36, :36], border=4)


def test_table_takes_the_channel_and_the_border_of_the_protocol(reconstruction):
    hr, sr = reconstruction
    for channel in ("y", "rgb"):
        protocol = Protocol(4, channel)
        assert METRICS["psnr"](hr, sr, protocol) == metrics.psnr(hr, sr, border=4, channel=channel)
        assert METRICS["lpips"](hr, sr, protocol) == metrics.lpips(hr, sr, border=4)
    with pytest.raises(InputError, match="channel 'luma': use one of y, rgb"):
        Protocol(4, "luma")


def test_dists_says_what_it_needs(monkeypatch, cat):
    monkeypatch.setitem(sys.modules, "DISTS_pytorch", None)
    dists_network.load_dists.cache_clear()
    with pytest.raises(InputError, match=r"srkit\[metrics\].*no package carries all of its weights"):
        metrics.dists(cat, cat)


def test_dists_without_a_network_is_one_sentence(monkeypatch, cat):
    class Offline:
        def __init__(self):
            raise OSError("Name or service not known")

    monkeypatch.setitem(sys.modules, "torch", types.ModuleType("torch"))
    package = types.ModuleType("DISTS_pytorch")
    package.DISTS = Offline
    monkeypatch.setitem(sys.modules, "DISTS_pytorch", package)
    dists_network.load_dists.cache_clear()
    with pytest.raises(InputError, match=r"could not load its weights .*Name or service not known.*leave dists out"):
        metrics.dists(cat, cat)


def test_colour_shift_is_that_of_the_worst_channel(cat):
    lr = downscale(crop_to_multiple(cat, 4), 4)
    sr = lr.repeat(4, axis=0).repeat(4, axis=1).astype(np.float32)
    assert colour_shift(lr, sr) == pytest.approx(0, abs=0.01)
    sr[..., 1] -= 3
    sr[..., 2] += 2
    assert colour_shift(lr, sr) == pytest.approx(3, abs=0.01)


def test_checkerboard_power_sees_a_checkerboard_and_no_brightness(cat):
    rows, columns = np.indices(cat.shape[:2])
    pattern = np.where(rows % 4 < 2, 1, -1) * np.where(columns % 4 < 2, 1, -1)
    drawn = np.clip(cat.astype(int) + 3 * pattern[..., None], 0, 255).astype(np.uint8)
    assert checkerboard_power([cat]).shape == (15,)
    assert np.max(checkerboard_power([drawn]) / checkerboard_power([cat])) > 10
    darker = np.clip(cat, 20, 235) - 10
    assert np.max(checkerboard_power([darker + 5]) / checkerboard_power([darker])) == pytest.approx(1, abs=0.1)
