import numpy as np
import pytest
from scipy import ndimage
from skimage import data as photographs

import srkit
from srkit import InputError
from srkit.classical import UNTRAINED, SelfExSR
from srkit.classical.patch_match import Matcher
from srkit.evaluation.metrics import psnr
from srkit.image import downscale, interpolate


@pytest.fixture(scope="module")
def hr():
    return np.ascontiguousarray(photographs.astronaut()[110:174, 180:244])


def test_it_beats_bicubic_and_agrees_with_lr(hr):
    lr = downscale(hr, 2)
    sr = srkit.upscale(lr, "selfexsr-x2")
    bicubic, ours = (psnr(hr, image, border=2, channel="y") for image in (interpolate(lr, 2), sr))
    assert ours > bicubic + 0.5
    assert np.abs(downscale(sr, 2).astype(int) - lr).mean() < 0.5
    crop = lr[:12, :12]
    np.testing.assert_array_equal(srkit.upscale(crop, "selfexsr-x2"), srkit.upscale(crop, "selfexsr-x2"))


def test_cost_is_that_of_patches_sampled_one_by_one(hr):
    factor, large = 0.8, hr[:40, :44].astype(np.float32) / 255
    smaller = [
        np.ascontiguousarray(hr[: round(40 * factor**n), : round(44 * factor**n)] / np.float32(255)) for n in (1, 2)
    ]
    matcher = Matcher(large, smaller, smaller, factor)
    matrix = np.float32([[1.3, 0.2], [-0.1, 1.2]])
    rows, columns, centre = np.array([3, 20]), np.array([5, 17]), np.float32([[12.3, 9.6], [20.1, 25.2]])
    level = round(np.log(np.sqrt(np.linalg.det(matrix))) / -np.log(factor))
    weights = np.exp(-(np.add.outer(np.arange(-2, 3) ** 2, np.arange(-2, 3) ** 2)) / 18)
    for row, column, (x, y), cost in zip(
        rows, columns, centre, matcher._costs(rows, columns, centre, np.stack([matrix] * 2))
    ):
        error = np.empty((5, 5, 3))
        for i, j in np.ndindex(5, 5):
            place = (matrix @ [j - 2, i - 2] + (x, y)) * factor**level
            source = [
                ndimage.map_coordinates(smaller[level - 1][..., channel], place[::-1, None], order=1)[0]
                for channel in range(3)
            ]
            error[i, j] = large[row + i, column + j] - source
        error -= np.clip(error.mean(axis=(0, 1)), -0.25, 0.25)
        assert cost == pytest.approx((weights / weights.sum() * (error**2).sum(axis=2)).sum(), rel=0.02)


def test_rounds_lower_the_cost_and_keep_sources_inside(hr):
    large, small = (
        np.ascontiguousarray(image / np.float32(255)) for image in (interpolate(hr[:30, :30], 2), hr[:48, :48])
    )
    matcher = Matcher(large, [small], [small], 0.8)
    field = matcher.start()
    before, rng = field.cost.copy(), np.random.default_rng(0)
    for _ in range(2):
        matcher.improve(field, rng)
    assert (field.cost <= before).all() and field.cost.mean() < before.mean() / 2
    assert field.centre.min() >= 2 and field.centre.max() <= 57


@pytest.mark.parametrize("name", UNTRAINED)
def test_models_without_weights_have_their_scale(name, cat):
    model = srkit.load_model(name)
    assert isinstance(model, SelfExSR) and name == f"selfexsr-x{model.scale}"
    assert srkit.upscale(cat[:5, :6], model).shape == (5 * model.scale, 6 * model.scale, 3)


def test_it_is_not_cut_into_tiles(cat):
    with pytest.raises(InputError, match="memory do not suffice"):
        srkit.upscale(cat, "selfexsr-x4", memory=1_000_000)
