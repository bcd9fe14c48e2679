import zipfile

import h5py
import keras
import numpy as np
import pytest
from keras import layers, ops
from toys import Repeating, repeating, toy

from srkit import InputError, load_model, models, save_weights, upscale
from srkit.models.subpixel import PixelShuffle


@pytest.fixture
def photo(cat):
    return cat[100:120, 120:150]


def is_repeated(sr, lr) -> bool:
    return np.array_equal(sr, lr.repeat(4, axis=0).repeat(4, axis=1))


def message_of(source) -> str:
    with pytest.raises(InputError) as raised:
        load_model(source)
    return str(raised.value)


def with_lambda() -> keras.Model:
    image = keras.Input((None, None, 3))
    return keras.Model(image, layers.Lambda(lambda x: ops.repeat(ops.repeat(x, 4, axis=1), 4, axis=2))(image))


@pytest.mark.filterwarnings("ignore:.*HDF5 file:UserWarning")
def test_h5_file_with_a_whole_model(photo, tmp_path):
    model = repeating()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.h5")
    assert is_repeated(upscale(photo, tmp_path / "m.h5"), photo)


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_lambda_is_run_only_where_it_is_trusted(name, photo, tmp_path):
    with_lambda().save(tmp_path / name)
    assert "--trust" in message_of(tmp_path / name)
    assert is_repeated(upscale(photo, load_model(tmp_path / name, trust=True)), photo)


@pytest.mark.filterwarnings("ignore:.*no residual scaling")
def test_weights_beside_code_that_is_not_trusted_are_taken_alone(tmp_path):
    x = image = keras.Input((None, None, 3))
    for filters in (4, 4, 4, 4, 16):
        x = layers.Conv2D(filters, 3, padding="same")(x)
    x = layers.Conv2D(3, 3, padding="same")(PixelShuffle(2)(x))
    keras.Model(image, layers.Lambda(lambda x: x * 2)(x)).save(tmp_path / "m.h5")
    assert "convert takes its weights alone" in message_of(tmp_path / "m.h5")
    assert models.open_foreign(str(tmp_path / "m.h5")).found.config["model"] == "edsr"


def test_class_whose_code_is_missing_is_named(tmp_path):
    class Vanished(Repeating):
        pass

    model, image = Vanished(), keras.Input((None, None, 3))
    model(np.zeros((1, 8, 8, 3)))
    model.save(tmp_path / "alone.keras")
    keras.Model(image, layers.Rescaling(1)(model(image))).save(tmp_path / "inside.keras")
    for name in ("alone", "inside"):
        assert "it needs Vanished, whose program code is not in the file" in message_of(tmp_path / f"{name}.keras")


def test_damaged_files_are_said_to_be_damaged(tmp_path):
    repeating().save(tmp_path / "m.keras")
    whole = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[:600])
    (tmp_path / "text.keras").write_text("version https://git-lfs.github.com/spec/v1")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as file:
        file.writestr("readme.txt", "a zip file, but no model")
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file.attrs["model_config"] = "[" * 60_000
    with h5py.File(tmp_path / "list.weights.h5", "w") as file:
        file.attrs["srkit_recipe"] = "[1]"
    for name in ("cut.keras", "text.keras", "other.keras", "deep.h5"):
        assert "is damaged or cut short" in message_of(tmp_path / name)
    assert "is damaged" in message_of(tmp_path / "list.weights.h5")


def test_other_kinds_of_models_are_named(tmp_path):
    repeating().export(tmp_path / "saved", verbose=False)
    (tmp_path / "m.onnx").write_bytes(b"\x08\x07")
    (tmp_path / "m.tflite").write_bytes(b"\x1c\0\0\0TFL3")
    for name, kind in {"saved": "a SavedModel", "m.onnx": "an ONNX file", "m.tflite": "a TFLite file"}.items():
        assert kind in message_of(tmp_path / name)
        assert "NAME.keras" in message_of(tmp_path / name)


def test_weights_alone_ask_for_their_model(tmp_path):
    repeating().save_weights(tmp_path / "best.weights.h5")
    assert "srresnet" not in message_of(tmp_path / "best.weights.h5")
    repeating().save(tmp_path / "best.keras")
    assert f"Take {tmp_path / 'best.keras'}" in message_of(tmp_path / "best.weights.h5")


def test_runs_folder_stands_for_its_best_weights(tmp_path):
    assert "is a folder without a run's weights" in message_of(tmp_path)
    model = toy("edsr")
    save_weights(model, tmp_path / "best.weights.h5")
    assert load_model(tmp_path).config == model.config
    repeating().save(tmp_path / "best.keras")
    assert load_model(tmp_path).name == "repeating"


def test_unknown_name_offers_generators():
    assert message_of("edsr_x4").endswith("Did you mean edsr-x4?")
    assert "discriminator" not in message_of("nosuch")


def test_model_trained_in_bfloat16_is_saved_in_float32(photo, tmp_path):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = repeating()
    finally:
        keras.config.set_dtype_policy(policy)
    models.save_keras_model(model, tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert {layer.compute_dtype for layer in loaded.layers} == {"float32"}
    assert {layer.compute_dtype for layer in model.layers[1:]} == {"bfloat16"}
