import contextlib
import functools
import json

import h5py
import keras
import numpy as np
import pytest
from toys import toy

from srkit import InputError, load_model, models, save_weights


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return models.srresnet(scale=2, filters=4, num_blocks=1)


def output(model) -> np.ndarray:
    return np.asarray(model(np.linspace(0, 255, 8 * 9 * 3, dtype=np.float32).reshape(1, 8, 9, 3)))


def write_legacy(model, path) -> None:
    """The weights-only HDF5 layout of Keras 2: groups in the order of the layers, named in attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [f"layer_{index}".encode() for index, _ in enumerate(model.layers)]
        file.attrs["backend"], file.attrs["keras_version"] = b"tensorflow", b"2.4.0"
        for index, layer in enumerate(model.layers):
            group = file.create_group(f"layer_{index}")
            group.attrs["weight_names"] = [f"w{number}:0".encode() for number, _ in enumerate(layer.weights)]
            for number, weight in enumerate(layer.weights):
                group[f"w{number}:0"] = np.asarray(weight)


@pytest.mark.parametrize(
    "build",
    [
        *(functools.partial(toy, name, 3, filters=4) for name in models.MODELS),
        functools.partial(models.mdsr, filters=4, num_blocks=1),
        functools.partial(models.discriminator, 32, filters=4),
    ],
)
def test_saved_weights_know_their_model(build, tmp_path):
    model = build()
    save_weights(model, tmp_path / "new" / "m.weights.h5")
    loaded = load_model(tmp_path / "new" / "m.weights.h5")
    assert loaded.config == model.config
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["m.weights.h5"]


def test_halved_weights_take_half_the_room_and_three_digits(tmp_path):
    model = models.discriminator(32, filters=16)
    model.get_layer("conv2_bn").moving_variance.assign([1e-3, 1, 1e3, 1e6] * 4)
    for half in (False, True):
        save_weights(model, tmp_path / f"{half}.weights.h5", half=half)
    assert (tmp_path / "True.weights.h5").stat().st_size < 0.6 * (tmp_path / "False.weights.h5").stat().st_size
    loaded = load_model(tmp_path / "True.weights.h5")
    assert loaded.config == model.config
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-7)


def test_keras_file(model, tmp_path):
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(output(load_model(tmp_path / "m.keras")), output(model))


def test_plain_keras_weights_load_into_a_given_model(model, tmp_path):
    model.save_weights(tmp_path / "m.weights.h5")
    other = models.srresnet(scale=2, filters=4, num_blocks=1)
    np.testing.assert_array_equal(output(load_model(tmp_path / "m.weights.h5", other)), output(model))


@pytest.mark.parametrize("name", ["pre_generator.h5", "generator.weights.h5"])
def test_legacy_weights_load_as_the_proof_of_concepts_generator(tmp_path, name):
    keras.utils.set_random_seed(3)
    original = models.srresnet()
    write_legacy(original, tmp_path / name)
    np.testing.assert_array_equal(output(load_model(tmp_path / name)), output(original))


def test_weights_of_another_topology_are_refused(model, tmp_path):
    save_weights(model, tmp_path / "m.weights.h5")
    with pytest.raises(InputError, match=r"does not fit srresnet: it holds [0-9,]+ values, the model has"):
        load_model(tmp_path / "m.weights.h5", models.srresnet(scale=2, filters=4, num_blocks=2))
    with pytest.raises(InputError, match="does not fit"):
        load_model(tmp_path / "m.weights.h5", models.edsr(scale=2, filters=4, num_blocks=1))


@pytest.mark.parametrize("name", ["m.weights.h5", "m.keras", "m.h5", "m.txt"])
def test_files_that_are_no_models_are_refused(tmp_path, name):
    (tmp_path / name).write_text("no weights")
    with pytest.raises(InputError, match=name):
        load_model(tmp_path / name)


def test_damaged_weights_and_those_of_a_later_version_are_refused(tmp_path):
    path = tmp_path / "m.weights.h5"
    save_weights(models.edsr(scale=2, filters=4, num_blocks=1), path)
    whole = path.read_bytes()
    for place in range(100, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        with contextlib.suppress(InputError):  # a number changed is no damage that shows
            load_model(path)
    path.write_bytes(whole)
    for recipe, message in (({"model": "edsr", "wings": 2}, "cannot build"), ({"scale": 2}, "does not have")):
        with h5py.File(path, "a") as file:
            file.attrs["srkit_recipe"] = json.dumps(recipe)
        with pytest.raises(InputError, match=message):
            load_model(path)


def test_missing_file_is_said_with_the_presets():
    with pytest.raises(InputError, match=r"There is no model srgan-x5.*srgan-x4") as error:
        load_model("srgan-x5")
    assert "discriminator" not in str(error.value)


def test_lambda_layers_are_refused(tmp_path):
    image = keras.Input((None, None, 3))
    keras.Model(image, keras.layers.Lambda(lambda x: x)(image)).save(tmp_path / "m.keras")
    with pytest.raises(InputError, match="Keras model"):
        load_model(tmp_path / "m.keras")
