import keras
import numpy as np
import pytest
from PIL import Image

import srkit
from srkit import InputError, inference, models

TOYS = {
    **{f"{name}-x{scale}": (build, scale) for name, build in models.MODELS.items() for scale in (2, 3, 4)},
}


@pytest.fixture(params=TOYS)
def model(request):
    build, scale = TOYS[request.param]
    keras.utils.set_random_seed(1)
    toy = build(scale, filters=4, num_blocks=2)
    for weight in toy.trainable_weights:  # wide awake: a seam would show
        weight.assign(weight + 0.05 * np.random.default_rng(0).normal(size=weight.shape))
    return toy


@pytest.mark.parametrize("shape", [(61, 47), (1, 90), (33, 1)])
def test_tiles_equal_the_whole(model, cat, shape):
    lr = cat[: shape[0], : shape[1]]
    whole = inference._apply(model, lr)
    assert whole.std() > 1
    tiled = inference.predict(model, lr, tile_px=16)
    np.testing.assert_allclose(tiled, whole, atol=1e-3)


def test_smaller_overlap_would_show(model, cat, monkeypatch):
    """The receptive field is not larger than need be."""
    lr = cat[:90, :90]
    radius = inference.receptive_field_px(model)
    monkeypatch.setattr(inference, "receptive_field_px", lambda _: radius - 2)
    assert np.abs(inference.predict(model, lr, tile_px=16) - inference._apply(model, lr)).max() > 1e-3


def test_receptive_fields_of_the_published_models():
    assert inference.receptive_field_px(models.srresnet()) == 40
    assert inference.receptive_field_px(models.edsr()) == 36


def test_upscale_takes_paths_pil_images_and_arrays(model, cat, tmp_path):
    lr = cat[:20, :30]
    scale = inference.scale_of(model)
    Image.fromarray(lr).save(tmp_path / "a.png")
    from_array = srkit.upscale(lr, model)
    assert from_array.dtype == np.uint8 and from_array.shape == (20 * scale, 30 * scale, 3)
    np.testing.assert_array_equal(srkit.upscale(tmp_path / "a.png", model), from_array)
    np.testing.assert_array_equal(srkit.upscale(Image.fromarray(lr), model), from_array)


def test_ensemble_is_exact_for_an_equivariant_model(cat):
    """Nearest resize commutes with flips and rotations: the average of the eight must be the one."""
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.UpSampling2D(4)(image))
    lr = cat[:20, :31]
    np.testing.assert_array_equal(srkit.upscale(lr, model, ensemble=True), srkit.resize.nearest(lr, 4))


def test_ensemble_is_equivariant_for_every_model(model, cat):
    lr = cat[:20, :31]
    upright = srkit.upscale(lr, model, ensemble=True)
    turned = srkit.upscale(np.rot90(lr), model, ensemble=True)
    assert np.abs(np.rot90(upright).astype(int) - turned).max() <= 1


def test_model_with_unknown_layers_is_applied_whole(cat):
    image = keras.Input((None, None, 3))
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True)(image)
    model = keras.Model(image, keras.layers.UpSampling2D(2)(keras.layers.Add()([image, mean])))
    assert inference.receptive_field_px(model) is None
    whole = inference._apply(model, cat)
    np.testing.assert_array_equal(inference.predict(model, cat, tile_px=16), whole)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_model_that_needs_known_sizes_works_on_all(cat, interpolation):
    image = keras.Input((None, None, 3))
    model = keras.Model(image, keras.layers.UpSampling2D(2, interpolation=interpolation)(image))
    for lr in (cat[:20, :31], cat[:33, :14]):
        assert srkit.upscale(lr, model).shape == (2 * lr.shape[0], 2 * lr.shape[1], 3)


def test_layer_that_is_used_twice_gives_no_wrong_radius(cat):
    image = keras.Input((None, None, 3))
    again = keras.layers.Conv2D(3, 3, padding="same")
    model = keras.Model(image, keras.layers.UpSampling2D(2)(again(again(again(image)))))
    np.testing.assert_array_equal(inference.predict(model, cat, tile_px=16), inference._apply(model, cat))


def test_what_is_no_super_resolution_model_is_refused(cat):
    image = keras.Input((None, None, 3))
    grey = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(image))
    for model in (grey, models.discriminator(32, 4)):
        with pytest.raises(InputError, match="not a super-resolution model"):
            srkit.upscale(cat, model)
