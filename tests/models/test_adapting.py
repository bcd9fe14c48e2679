"""Models of other people, which enlarge by repeating pixels: what must come out is known to the last level."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from toys import Repeating, repeating, toy

from srkit import InputError, load_model, models, upscale


def levels_off(sr, lr, scale=4) -> int:
    return np.abs(sr.astype(int) - lr.repeat(scale, axis=0).repeat(scale, axis=1)).max()


@pytest.fixture
def photo(cat):
    return cat[100:140, 120:180]


def in_ranges(taken: tuple, given: tuple) -> keras.Model:
    """A model for other ranges of values, at whose limits it clips."""
    image = keras.Input((None, None, 3))
    x = layers.UpSampling2D(4)(layers.Rescaling(1 / (taken[1] - taken[0]), -taken[0] / (taken[1] - taken[0]))(image))
    return keras.Model(image, ops.clip(x, 0, 1) * (given[1] - given[0]) + given[0])


@pytest.mark.parametrize(
    ("taken", "given"), [((0, 255), (0, 1)), ((0, 1), (0, 1)), ((0, 1), (-1, 1)), ((-1, 1), (-1, 1))]
)
def test_other_ranges_of_values_are_noticed(taken, given, photo, tmp_path):
    model = in_ranges(taken, given)
    model.save(tmp_path / "m.keras")
    assert levels_off(upscale(photo, model), photo) <= 1
    assert levels_off(upscale(photo, tmp_path / "m.keras"), photo) <= 1


def test_sigmoid_at_the_end_is_no_black_image(photo):
    image = keras.Input((None, None, 3))
    x = layers.Activation("sigmoid")(layers.UpSampling2D(4)(layers.Rescaling(8 / 255, offset=-4)(image)))
    model = keras.Model(image, x)
    wanted = 255 / (1 + np.exp(4 - photo.repeat(4, axis=0).repeat(4, axis=1) * (8 / 255)))
    assert np.abs(upscale(photo, model) - wanted).max() <= 1


def test_model_is_tried_once_for_its_weights(photo, tmp_path):
    calls = []

    class Counted(Repeating):
        def call(self, image):
            calls.append(image.shape)
            return super().call(image)

    model = Counted()
    for _ in range(2):
        assert models.adapted(model) is model
    tried = len(calls)
    assert models.adapted(model) is model and len(calls) == tried
    model = in_ranges((0, 1), (0, 1))
    assert models.adapted(model) is models.adapted(model)
    trained = repeating()
    assert models.adapted(trained) is trained
    trained.layers[1].set_weights([trained.layers[1].get_weights()[0] / 255])
    assert models.adapted(trained) is not trained
    assert levels_off(upscale(photo, trained), photo) <= 1


def test_models_in_0_to_255_stay_what_they_are(photo):
    dark = repeating()
    dark.layers[1].set_weights([np.zeros((3, 3, 3, 3))])
    for model in (toy("edsr"), repeating(), dark):
        assert models.adapted(model) is model
    assert upscale(photo, dark).max() == 0


@pytest.mark.parametrize("given", [(0, 255), (0, 1)])
def test_model_for_one_channel_enlarges_the_luma(given, photo, tmp_path):
    repeating(channels=1, given=given).save(tmp_path / "m.keras")
    grey = np.repeat(photo[..., :1], 3, axis=2)
    model = load_model(tmp_path / "m.keras")
    assert levels_off(upscale(grey, model), grey) == 0
    luma, colours = (image @ [0.299, 0.587, 0.114] for image in (photo, upscale(photo, model)))
    assert np.quantile(np.abs(colours - luma.repeat(4, axis=0).repeat(4, axis=1)), 0.99) < 1
    assert np.abs(photo.mean(axis=(0, 1)) - upscale(photo, model).mean(axis=(0, 1))).max() < 1


class Untraceable(keras.Model):
    """Its shapes are found by running it alone."""

    def call(self, image):
        return ops.convert_to_tensor(np.asarray(image).repeat(4, axis=1).repeat(4, axis=2))

    def compute_output_shape(self, input_shape):
        raise NotImplementedError


@pytest.mark.parametrize("build", [Repeating, Untraceable])
def test_program_code_is_run_to_find_out_its_shapes(build, photo):
    model = build()
    assert levels_off(upscale(photo, model), photo) == 0
    assert models.scale_of(model) == 4


def test_sizes_that_a_layer_does_not_tell_are_found_by_running(photo):
    image = keras.Input((None, None, 3))
    shape = (None, None, 3)
    model = keras.Model(image, layers.Lambda(lambda x: ops.repeat(ops.repeat(x, 4, axis=1), 4, axis=2), shape)(image))
    assert levels_off(upscale(photo, model), photo) == 0


def test_sequential_model_without_an_input_is_built(photo):
    assert levels_off(upscale(photo, keras.Sequential([layers.UpSampling2D(4)])), photo) == 0


@pytest.mark.parametrize(
    ("shape", "build", "message"),
    [
        ((None, None, 4), layers.UpSampling2D(2), "it takes 4 channels"),
        ((3, None, None), layers.UpSampling2D(2, data_format="channels_first"), "channels first"),
        ((None, None, 3), lambda x: [layers.UpSampling2D(2)(x), x], "it has 2 outputs"),
        ((None, None, 3), lambda x: layers.UpSampling2D(2)(x)[..., :2], "it makes 2 channels of 3"),
        ((None, None, 3), layers.Conv2D(3, 3, strides=2), "it makes 47x47 px of 96x96 px"),
        (
            (None, None, 3),
            lambda x: layers.Conv2D(3, 9)(layers.UpSampling2D(2)(x)),
            "it makes 184x184 px of 96x96 px: its convolutions need padding='same'",
        ),
    ],
)
def test_message_says_what_the_model_does_instead(shape, build, message, photo):
    image = keras.Input(shape)
    with pytest.raises(InputError) as raised:
        upscale(photo, keras.Model(image, build(image)))
    assert message in str(raised.value)
