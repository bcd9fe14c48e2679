"""Tiles that overlap by less than the model looks: how much less, and what becomes of the pixels beside the cuts."""

import keras
import numpy as np
import pytest
from toys import toy

from srkit import InputError
from srkit.image import Photo
from srkit.inference import UpscaleOptions, predictor_of, upscale_photo, upscaling
from srkit.inference.overlap import near_enough
from srkit.inference.predictor import Predictor
from srkit.inference.upscaling import upscale_array


@pytest.fixture(scope="module")
def deep():
    """A network that looks 64 px around, of which little counts from afar."""
    keras.utils.set_random_seed(0)
    model = toy("rrdb", 2, num_blocks=4)
    for weight in model.weights:
        if weight.name == "kernel":
            weight.assign(weight * 2)
    return model


@pytest.fixture
def lr(cat):
    return cat[:200, :240]


@pytest.fixture
def windows(monkeypatch, deep, lr):
    """Memory for tiles of 120x120 px; and the sizes of what is computed, from the first one on."""
    per_px = predictor_of(deep, "float32").bytes_per_px * upscaling._POOL + 4 * 12 * 4
    result = 4 * lr.nbytes * upscaling._TO_WRITE["uint8"]
    monkeypatch.setattr(upscaling, "memory_used_and_limit", lambda _: (0, 120.5**2 * per_px + result))
    sizes, call = [], Predictor.__call__

    def counted(self, lr):
        sizes.append(lr.shape[:2])
        return call(self, lr)

    monkeypatch.setattr(Predictor, "__call__", counted)
    return sizes


def test_overlap_is_as_small_as_hardly_shows(deep, lr, windows):
    """Where exact tiles would be refused, as they are mostly overlap; and it is told, once."""
    whole = np.asarray(deep(lr[None].astype(np.float32)))[0]
    with pytest.raises(InputError, match="memory do not suffice"):
        upscale_array(lr, deep)
    larger = upscale_photo(Photo(lr), deep, UpscaleOptions(precision="float32"))
    differ = np.abs(larger.pixels - np.rint(whole.clip(0, 255))) > 1
    assert 0 < differ.mean() <= 0.001
    (remark,) = larger.remarks
    overlap = near_enough(predictor_of(deep, "float32"), lr.astype(np.float32), 120**2 / 2).overlap_px
    assert 0 < overlap < 32 and remark.startswith(f"tiles overlap by {overlap} px in place of the 64 px")


def test_overlap_in_pixels_is_meant(deep, lr, windows):
    told = []
    without = upscale_array(lr, deep, UpscaleOptions(precision="float32", overlap=0), tell=told.append)
    assert not told and max(rows * columns for rows, columns in windows) <= 120**2
    assert sum(rows * columns for rows, columns in windows) < 1.3 * lr[..., 0].size
    with_some = upscale_array(lr, deep, UpscaleOptions(precision="float32", overlap=16))
    whole = np.asarray(deep(lr[None].astype(np.float32)))[0].clip(0, 255)
    assert (np.abs(without - whole) > 1).mean() > 10 * (np.abs(with_some - whole) > 1).mean()


def test_exact_tiles_stay_where_they_cost_little(cat, monkeypatch):
    model, told = toy("compact", 2), []
    whole = upscale_array(cat, model)
    per_px = predictor_of(model, "float32").bytes_per_px * upscaling._POOL + 4 * 12 * 4
    limit = 100**2 * per_px + 4 * cat.nbytes * upscaling._TO_WRITE["uint8"]
    monkeypatch.setattr(upscaling, "memory_used_and_limit", lambda _: (0, limit))
    tiled = upscale_array(cat, model, UpscaleOptions(precision="float32"), tell=told.append)
    assert not told and np.abs(tiled.astype(int) - whole).max() <= 1


def test_image_too_small_for_crops_is_computed_exactly(deep, lr):
    assert near_enough(predictor_of(deep, "float32"), lr[:50].astype(np.float32), 120**2) is None
