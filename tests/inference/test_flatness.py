import keras
import numpy as np
import pytest

from srkit import load_model, models
from srkit.image import Photo
from srkit.inference import UpscaleOptions, flatness, upscale_photo
from srkit.inference.upscaling import upscale_array

COLOURS = {"red": (255, 0, 0), "blue": (0, 0, 255), "orange": (255, 128, 0), "white": (255, 255, 255)}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """A model that changes every colour."""
    return models.edsr(2, filters=4, num_blocks=1)


def enlarged(pixels: np.ndarray, model: keras.Model, **options) -> np.ndarray:
    return upscale_photo(Photo(pixels), model, UpscaleOptions(precision="float32", **options)).pixels


@pytest.mark.parametrize("size", [(24, 24), (1, 1), (3, 1), (2, 7), (150, 20)])
@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_flat_colours_stay_flat(model, size, colour):
    for dtype, times in ((np.uint8, 1), (np.uint16, 257)):
        pixels = np.full((*size, 3), colour, dtype) * dtype(times)
        for scale in (2, 3):  # twice over the model, and reduced
            larger = enlarged(pixels, model, scale=scale)
            assert larger.dtype == dtype and larger.shape == (scale * size[0], scale * size[1], 3)
            assert (larger == pixels[0, 0]).all()


def test_flat_grey_and_opacity_stay_flat(model):
    photo = Photo(np.full((9, 8), 77, np.uint8), alpha=np.full((9, 8), 130, np.uint8))
    larger = upscale_photo(photo, model)
    assert (larger.pixels == 77).all() and (larger.alpha == 130).all()


def test_channel_that_is_flat_stays_flat_beside_others(model):
    ramp = np.zeros((20, 64, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 64)
    assert not enlarged(ramp, model)[..., 1:].any()


def test_what_is_not_flat_is_the_models(model, cat):
    pixels = np.ascontiguousarray(cat[80:120, 120:180])
    pixels[:, :30] = (200, 30, 30)
    larger, plain = enlarged(pixels, model), upscale_array(pixels, model)
    assert (larger[:, :52] == (200, 30, 30)).all() and (plain[:, :52] != (200, 30, 30)).any()
    assert np.array_equal(larger[:, 60:], plain[:, 60:])


def test_rows_at_a_time_are_the_whole(model, cat, monkeypatch):
    pixels = np.ascontiguousarray(cat[:70, :40])
    pixels[10:40, 5:30] = (200, 30, 30)
    whole = enlarged(pixels, model)
    monkeypatch.setattr(flatness, "_BAND_ROWS", 3)
    assert np.array_equal(enlarged(pixels, model), whole)


@pytest.mark.parametrize("height, width", [(1, 3), (2, 2), (3, 3), (1, 16)])
def test_tiny_images_keep_their_colours(cat, height, width):
    """At a border a model sees zeros, and these images are hardly more than border."""
    pixels = np.ascontiguousarray(cat[100 : 100 + height, 150 : 150 + width])
    larger = enlarged(pixels, load_model("edsr-small-x4")).astype(int)
    assert larger.shape == (4 * height, 4 * width, 3)
    assert (larger >= pixels.min(axis=(0, 1)) - 12.0).all() and (larger <= pixels.max(axis=(0, 1)) + 12.0).all()
