import dataclasses

import cv2
import keras
import numpy as np
import pytest
from PIL import Image, ImageDraw

from srkit import InputError, load_model, models, upscale
from srkit.image import Photo, downscale, interpolate
from srkit.inference import Size, UpscaleOptions, upscale_photo
from srkit.models import preset_for


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return load_model("edsr-small-x4")


def enlarge(photo: Photo, model: keras.Model, **options) -> Photo:
    return upscale_photo(photo, model, UpscaleOptions(precision="float32", **options))


@pytest.fixture(scope="module")
def lr(cat) -> np.ndarray:
    return np.ascontiguousarray(cat[80:120, 120:180])


def test_plain_photograph_is_what_upscale_gives(lr, model):
    larger = enlarge(Photo(lr, xmp=b"x", profile=b"p"), model, scale=4)
    assert np.array_equal(larger.pixels, upscale(lr, model))
    assert (larger.xmp, larger.profile, larger.remarks) == (b"x", b"p", ())


@pytest.mark.parametrize("ensemble", [False, True])
def test_16_bits_agree_with_8(lr, model, ensemble):
    larger = enlarge(Photo(lr.astype(np.uint16) * 257), model, scale=4, ensemble=ensemble)
    assert larger.pixels.dtype == np.uint16
    assert np.abs(larger.pixels / 257 - upscale(lr, model, ensemble)).max() <= 0.51


def test_16_bits_are_more_than_8(model):
    gradient = np.linspace(20_000, 24_000, 40 * 60).reshape(40, 60).astype(np.uint16)
    larger = enlarge(Photo(gradient), model, scale=4)
    assert larger.is_grey and len(np.unique(larger.pixels)) > 2_000


def test_grey_stays_grey(lr, model):
    grey = cv2.cvtColor(lr, cv2.COLOR_RGB2GRAY)
    larger = enlarge(Photo(grey), model, scale=4)
    assert larger.pixels.shape == (160, 240)
    assert np.abs(larger.pixels.astype(int) - interpolate(np.dstack([grey] * 3), 4)[..., 0]).mean() < 4


def test_what_lies_under_transparent_parts_does_not_shine_through(model):
    """A red disc, and green where it is transparent: the red stays red up to its edge."""
    disc = Image.new("L", (480, 480), 0)
    ImageDraw.Draw(disc).ellipse((60, 60, 420, 420), fill=255)
    alpha = np.asarray(disc.resize((48, 48), Image.Resampling.BICUBIC))
    colours = np.where(alpha[..., None] > 0, [200, 30, 30], [0, 255, 0]).astype(np.uint8)
    larger = enlarge(Photo(colours, alpha), model, scale=4)
    assert larger.alpha.shape == (192, 192) and larger.alpha.dtype == np.uint8
    weighted = larger.pixels * (larger.alpha[..., None] / 255)
    assert weighted[..., 1].max() < 60
    assert np.abs(larger.alpha.astype(int) - np.asarray(disc.resize((192, 192), Image.Resampling.BOX))).mean() < 2
    far_outside = cv2.dilate(alpha, np.ones((3, 3))).repeat(4, axis=0).repeat(4, axis=1) == 0
    assert far_outside.any() and not larger.alpha[far_outside].any()
    seen = larger.alpha > 64
    assert np.abs(larger.pixels[seen].astype(int) - [200, 30, 30]).mean() < 3


@pytest.mark.parametrize(
    "size, shape",
    [
        (Size(scale=2.5), (100, 150)),
        (Size(scale=3), (120, 180)),
        (Size(scale=8), (320, 480)),
        (Size(scale=5), (200, 300)),
        (Size(width=101), (67, 101)),
        (Size(height=79), (79, 118)),
        (Size(width=200, height=100), (100, 150)),
        (Size(width=30), (20, 30)),
    ],
)
def test_any_size(lr, model, size, shape):
    larger = enlarge(Photo(lr), model, **dataclasses.asdict(size))
    assert larger.pixels.shape == (*shape, 3)
    assert len(larger.remarks) == 1
    expected = cv2.resize(lr, shape[::-1], interpolation=cv2.INTER_AREA if shape[0] < 40 else cv2.INTER_CUBIC)
    assert np.abs(larger.pixels.astype(int) - expected).mean() < 5


def test_reduction_is_the_antialiased_bicubic(lr, model):
    halved = enlarge(Photo(lr), model, scale=2).pixels
    expected = downscale(upscale(lr, model), 2)
    assert np.abs(halved.astype(int) - expected)[4:-4, 4:-4].max() <= 1
    deep = enlarge(Photo(lr.astype(np.uint16) * 257), model, scale=2).pixels
    assert np.abs(deep / 257 - expected)[4:-4, 4:-4].max() <= 1.5


def test_model_that_does_not_enlarge_is_refused(lr):
    same = models.edsr(2, filters=4, num_blocks=1)
    smaller = keras.Model(same.inputs, keras.layers.AveragePooling2D(2, name="halved")(same.outputs[0]))
    with pytest.raises(InputError, match="does not enlarge"):
        enlarge(Photo(lr), smaller, scale=2)


@pytest.mark.parametrize("sides", [{}, {"scale": 2, "width": 3}, {"scale": 1}, {"scale": 1e9}, {"width": 0}])
def test_impossible_sizes_are_refused(sides):
    with pytest.raises(InputError):
        Size(**sides)


def test_sizes_name_files():
    sizes = Size(scale=4), Size(scale=2.5), Size(width=9), Size(height=9), Size(width=9, height=7)
    assert list(map(str, sizes)) == ["x4", "x2.5", "9w", "9h", "9x7"]


def test_preset_of_the_scale_is_taken_if_there_is_one(monkeypatch):
    assert preset_for(None) == preset_for(7) == preset_for(2.5) == "edsr-x4"
    assert (preset_for(2), preset_for(3)) == ("edsr-x2", "edsr-x3")
    monkeypatch.setattr("srkit.models.presets.PRESETS", {"edsr-x2": None, "edsr-x4": None})
    assert (preset_for(2), preset_for(3), preset_for(4)) == ("edsr-x2", "edsr-x4", "edsr-x4")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_colour_image_without_colours_stays_grey_at_any_size(lr, model, dtype):
    grey = np.repeat(lr[..., 1:2], 3, axis=2).astype(dtype) * (257 if dtype == np.uint16 else 1)
    for scale in (4, 6):
        pixels = enlarge(Photo(grey), model, scale=scale).pixels
        assert pixels.ndim == 3 and not np.ptp(pixels, axis=2).any()
        np.testing.assert_array_equal(pixels[..., 0], enlarge(Photo(grey[..., 0]), model, scale=scale).pixels)
