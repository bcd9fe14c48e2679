"""Which weights a photograph gets, and that they do what others do: 16 bits, opacity, grey, tiles, averages."""

import functools

import numpy as np
import pytest
from PIL import Image
from toys import toy

import srkit
from srkit import InputError, models
from srkit.image import Photo, downscale
from srkit.inference import Styles, UpscaleOptions, predict, single_image, upscale_files, upscale_photo
from srkit.inference.upscaling import upscale_array

LOSSY, LOSSLESS = (Photo(np.zeros((4, 4, 3), np.uint8), is_lossy=is_lossy) for is_lossy in (True, False))


@pytest.fixture(scope="module", autouse=True)
def presets_once():
    """The networks that come with the kit are loaded, mixed and traced once for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        load = functools.cache(models.load_model)
        for module in (models, single_image):
            patch.setattr(module, "load_model", load)
        patch.setattr(models, "mix", functools.cache(models.mix))
        yield


@pytest.fixture
def lr(cat) -> np.ndarray:
    return downscale(cat[60:220, 80:300], 4)[:24, :40]


@pytest.fixture
def loaded(monkeypatch) -> list[str]:
    """The presets that have been loaded; they are toys, with weights that tell them apart."""
    names = []

    def load_toy(name):
        names.append(name)
        model = toy("edsr", int(name[-1]), filters=4)
        model.set_weights([np.full_like(weight, len(names)) for weight in model.get_weights()])
        return model

    monkeypatch.setattr(models, "load_model", load_toy)
    return names


def test_lossy_photographs_get_photo_and_others_faithful(loaded):
    both = Styles(strength=0)
    for photo in (LOSSY, LOSSLESS, LOSSY):
        assert both.model_for(photo) is both.model_for(photo)
    assert loaded == ["photo-x4", "edsr-x4"]
    assert both.describe(LOSSY) == "style photo (photo-x4, strength 0)"
    assert both.describe(LOSSLESS) == "style faithful (edsr-x4)"


@pytest.mark.parametrize("style, name", [("faithful", "edsr-x4"), ("sharp", "photo-gan-x4")])
def test_a_style_by_name_holds_for_all(loaded, style, name):
    one = Styles(style)
    assert one.model_for(LOSSY) is one.model_for(LOSSLESS)
    assert loaded == [name] and one.describe(LOSSY) == one.describe(LOSSLESS) == f"style {style} ({name})"


def test_strength_mixes_weight_by_weight(loaded):
    mixed = Styles("photo", strength=0.25)
    weights = mixed.model_for(LOSSLESS).get_weights()
    assert loaded == ["photo-x4", "photo-gan-x4"]
    assert all((weight == 0.75 * 1 + 0.25 * 2).all() for weight in weights)
    assert mixed.describe(LOSSLESS) == "style photo (photo-x4, strength 0.25)"


def test_weights_of_the_scale_are_taken_if_there_are_some(loaded):
    both = Styles(strength=0)
    for photo in (LOSSY, LOSSLESS):
        for scale in (2, 2.5, None):
            both.model_for(photo, scale)
    assert loaded[:1] + loaded[3:] == ["photo-x4", "edsr-x2", "edsr-x4", "edsr-x4"]
    assert both.describe(LOSSY, 2) == "style photo (photo-x4, strength 0)"
    assert both.describe(LOSSLESS, 2) == "style faithful (edsr-x2)"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"style": "pretty"}, "There is no style 'pretty': use one of auto, faithful, photo, sharp"),
        ({"style": "faithful", "strength": 0.5}, "has no strength"),
        ({"strength": 1.5}, "from 0 to 1"),
        ({"strength": float("nan")}, "from 0 to 1"),
    ],
)
def test_impossible_styles_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Styles(**arguments)


def test_more_strength_is_more_texture(lr):
    images = [srkit.upscale(lr, style="photo", strength=strength) for strength in (0, 0.5, 1)]
    texture = [np.abs(np.diff(image.astype(int), axis=1)).mean() for image in images]
    assert texture == sorted(texture) and len(set(texture)) == 3
    np.testing.assert_array_equal(images[2], srkit.upscale(lr, style="sharp"))


def test_upscale_asks_the_file(lr, tmp_path):
    Image.fromarray(lr).save(tmp_path / "a.jpg", quality=60)
    with Image.open(tmp_path / "a.jpg") as image:
        decoded = np.asarray(image)
        as_photo = srkit.upscale(image)
        np.testing.assert_array_equal(srkit.upscale(image.copy()), srkit.upscale(decoded, "edsr-x4"))
    model = Styles("photo").model_for(LOSSY)
    np.testing.assert_array_equal(as_photo, srkit.upscale(decoded, model))
    np.testing.assert_array_equal(srkit.upscale(str(tmp_path / "a.jpg")), as_photo)
    np.testing.assert_array_equal(srkit.upscale(decoded), srkit.upscale(decoded, "edsr-x4"))
    np.testing.assert_array_equal(srkit.upscale(decoded, style="photo"), as_photo)
    assert srkit.upscale(tmp_path / "a.jpg", scale=2.5).shape == (60, 100, 3)


def test_a_model_and_a_style_are_too_much(lr):
    for arguments in ({"style": "photo"}, {"strength": 0.0}):
        with pytest.raises(InputError, match="one or the other"):
            srkit.upscale(lr, "edsr-x4", **arguments)


@pytest.fixture(scope="module")
def photo_model():
    return Styles("photo").model_for(LOSSY)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_depth_opacity_and_grey_are_kept(lr, photo_model, dtype):
    deep = lr.astype(dtype) * (257 if dtype == np.uint16 else 1)
    alpha = np.where(np.arange(40) < 20, 0, np.iinfo(dtype).max).astype(dtype) * np.ones((24, 1), dtype)
    larger = upscale_photo(Photo(deep, alpha=alpha), photo_model, UpscaleOptions(precision="float32"))
    assert larger.pixels.dtype == larger.alpha.dtype == dtype
    assert larger.pixels.shape == (96, 160, 3) and larger.alpha.shape == (96, 160)
    assert larger.alpha[:, :70].max() == 0 and larger.alpha[:, 90:].min() == np.iinfo(dtype).max
    grey = upscale_photo(Photo(deep[..., 1]), photo_model)
    assert grey.pixels.dtype == dtype and grey.pixels.shape == (96, 160)


def test_sixteen_bits_are_used(lr, photo_model):
    """Between two levels of 8 bits lie 257 of 16: more than 256 values come out."""
    larger = upscale_photo(Photo(lr.astype(np.uint16) * 257), photo_model, UpscaleOptions(precision="float32"))
    assert len(np.unique(larger.pixels)) > 1000
    eight = upscale_array(lr, photo_model)
    assert np.abs(larger.pixels / 257 - eight).max() <= 0.51


def test_grey_in_three_channels_stays_grey(lr, photo_model):
    sr = upscale_array(np.repeat(lr[..., 1:2], 3, axis=2), photo_model)
    assert (sr[..., 0] == sr[..., 1]).all() and (sr[..., 1] == sr[..., 2]).all()


def test_tiles_equal_the_whole(cat, photo_model, small_tiles):
    lr = cat[:100, :36]
    whole = np.asarray(photo_model(lr[None].astype(np.float32)))[0]
    np.testing.assert_allclose(predict(photo_model, lr), whole, atol=0.01)


def test_average_of_eight_views_is_an_average(lr, photo_model):
    single, averaged = (
        upscale_array(lr, photo_model, UpscaleOptions(ensemble=ensemble)).astype(int) for ensemble in (False, True)
    )
    turned = upscale_array(np.rot90(lr), photo_model, UpscaleOptions(ensemble=True))
    np.testing.assert_allclose(np.rot90(averaged), turned, atol=1)
    assert 0 < np.abs(averaged - single).mean() < 4


def test_two_models_share_one_run_and_its_memory(cat, tmp_path):
    for index in range(2):
        Image.fromarray(cat[: 60 + index, :80]).save(tmp_path / f"{index}.jpg")
        Image.fromarray(cat[: 60 + index, :80]).save(tmp_path / f"{index}.png")
    Image.fromarray(cat[:60, :80]).save(tmp_path / "lossless.webp", lossless=True)
    (tmp_path / "bad.jpg").write_text("a text")
    options = UpscaleOptions(precision="float32", memory=4 * 2**30)
    summary = upscale_files([tmp_path], tmp_path / "large", options=options)
    assert [len(summary.done), list(summary.failed)] == [5, [tmp_path / "bad.jpg"]]
    photo, faithful = Styles().describe(LOSSY), Styles().describe(LOSSLESS)
    assert summary.styles == {photo: {"JPEG": 2}, faithful: {"PNG": 2, "WEBP": 1}}
    for name, style in (("1.png", "faithful"), ("0.png", "faithful")):
        with Image.open(tmp_path / name) as image, Image.open(tmp_path / "large" / name) as larger:
            np.testing.assert_array_equal(np.asarray(larger), srkit.upscale(np.asarray(image), style=style))


def test_models_that_are_not_needed_are_not_loaded(lr, loaded, tmp_path):
    Image.fromarray(lr).save(tmp_path / "a.png")
    upscale_files([tmp_path / "a.png"], None)
    assert loaded == ["edsr-x4"]
    upscale_files([tmp_path / "a.png"], None, options=UpscaleOptions(existing="skip"))
    assert loaded == ["edsr-x4"]


def test_weights_that_cannot_be_loaded_end_the_run(lr, tmp_path, monkeypatch):
    def load_nothing(_):
        raise InputError("The preset's file is missing: install srkit anew.")

    monkeypatch.setattr(models, "load_model", load_nothing)
    Image.fromarray(lr).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="install srkit anew"):
        upscale_files([tmp_path / "a.png"], None)
