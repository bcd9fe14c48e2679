import keras
import numpy as np
import pytest
from PIL import Image
from toys import toy

import srkit
from srkit import InputError, images, inference, models


@pytest.fixture(params=[(name, scale) for name in models.MODELS for scale in (3, 4)], ids="{0[0]}-x{0[1]}".format)
def model(request):
    keras.utils.set_random_seed(1)
    model = toy(*request.param, filters=4)
    for weight in model.trainable_weights:  # wide awake: a seam would show
        value = np.asarray(weight) + 0.05 * np.random.default_rng(0).normal(size=weight.shape)
        if value.ndim == 4:
            value[0, 0] += 1.25 / value.shape[2]  # convolutions look at their farthest pixels
        weight.assign(value)
    return model


@pytest.mark.parametrize("shape", [(61, 47), (1, 90), (33, 1)])
def test_tiles_equal_the_whole(model, cat, shape):
    lr = cat[: shape[0], : shape[1]]
    whole = inference._apply(model, lr)
    assert whole.std() > 1
    tiled = inference.predict(model, lr, tile_px=16)
    np.testing.assert_allclose(tiled, whole, rtol=1e-5, atol=1e-3)


def test_smaller_overlap_would_show(model, cat, monkeypatch):
    """The receptive field is not larger than need be."""
    lr = cat[:90, :90]
    radius = inference.receptive_field_px(model)
    monkeypatch.setattr(inference, "receptive_field_px", lambda _: radius - 2)
    assert np.abs(inference.predict(model, lr, tile_px=16) - inference._apply(model, lr)).max() > 1e-3


def test_receptive_fields_of_the_published_models():
    assert inference.receptive_field_px(models.srresnet()) == 40
    assert inference.receptive_field_px(models.edsr()) == 36
    assert inference.receptive_field_px(models.srcnn()) == 4
    assert inference.receptive_field_px(models.espcn()) == 4
    assert inference.receptive_field_px(models.vdsr(2)) == 12
    assert inference.receptive_field_px(models.at_scale(models.mdsr(), 3)) == 44


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


def test_layer_that_is_used_again_counts_each_time(cat):
    image = keras.Input((None, None, 3))
    again = keras.layers.Conv2D(3, 3, padding="same")
    model = keras.Model(image, keras.layers.UpSampling2D(2)(again(again(again(image)))))
    again(again(model.output))  # in another model
    assert inference.receptive_field_px(model) == 3
    whole = inference._apply(model, cat)
    np.testing.assert_allclose(inference.predict(model, cat, tile_px=16), whole, atol=1e-3)


def test_model_for_several_scales_needs_one(cat):
    model, lr = models.mdsr(filters=4, num_blocks=1), cat[:20, :30]
    sr = srkit.upscale(lr, model, scale=3)
    np.testing.assert_array_equal(sr, srkit.upscale(lr, models.at_scale(model, 3)))
    np.testing.assert_array_equal(images.to_uint8(inference.predict(model, lr, scale=3)), sr)
    with pytest.raises(InputError, match="scales 2, 3, 4: choose one with scale="):
        srkit.upscale(lr, model)
    with pytest.raises(InputError, match="scales 2, 3, 4; received 8"):
        srkit.upscale(lr, model, scale=8)


def test_scale_that_is_not_the_models_is_refused(cat):
    model, lr = toy("edsr", 2), cat[:20, :30]
    np.testing.assert_array_equal(srkit.upscale(lr, model, scale=2), srkit.upscale(lr, model))
    with pytest.raises(InputError, match="edsr enlarges 2 times; asked: 3"):
        srkit.upscale(lr, model, scale=3)


def test_what_is_no_super_resolution_model_is_refused(cat):
    image = keras.Input((None, None, 3))
    grey = keras.Model(image, keras.layers.Conv2D(1, 3, padding="same")(image))
    for model in (grey, models.discriminator(32, 4)):
        with pytest.raises(InputError, match="not a super-resolution model"):
            srkit.upscale(cat, model)
