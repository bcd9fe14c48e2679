"""Exported models, each computed by the runtime of its format."""

import json
from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf

import srkit
from srkit import cli
from srkit.image import to_uint8
from srkit.inference import predict, receptive_field_px
from srkit.models import edsr, load_model, mdsr, save_weights, srcnn, srresnet

needs_tf2onnx = pytest.mark.skipif(
    not (find_spec("tf2onnx") and find_spec("onnxruntime")), reason="needs srkit[export] and onnxruntime"
)
FORMATS = ["savedmodel", "tflite", pytest.param("onnx", marks=needs_tf2onnx)]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """SRResNet with batch norms that do something, PReLU and both kinds of pixel shuffle."""
    keras.utils.set_random_seed(0)
    model = srresnet(4, num_blocks=1, filters=4)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, weight.shape) for weight in layer.weights])
        if isinstance(layer, keras.layers.PReLU):
            layer.set_weights([random.uniform(-0.5, 0.5, weight.shape) for weight in layer.weights])
    return model


def result(path, lr: np.ndarray) -> np.ndarray:
    """What the format's own runtime makes of one image."""
    batch = lr[None]
    if path.suffix == ".tflite":
        return tf.lite.Interpreter(str(path)).get_signature_runner()(lr=batch)["sr"][0]
    if path.suffix == ".onnx":
        return pytest.importorskip("onnxruntime").InferenceSession(path).run(["sr"], {"lr": batch})[0][0]
    return tf.saved_model.load(str(path)).signatures["serving_default"](lr=tf.constant(batch))["sr"][0].numpy()


def path_of(folder, format: str):
    return folder / ("saved" if format == "savedmodel" else f"model.{format}")


@pytest.mark.parametrize("format", FORMATS)
def test_each_runtime_computes_what_the_kit_does_for_any_size(format, model, cat, tmp_path):
    path = path_of(tmp_path, format)
    card = srkit.export(model, path, format)
    for lr in (cat[:29, :41], cat[100:117, 100:203]):
        sr = result(path, lr.astype(np.float32))
        np.testing.assert_allclose(sr, predict(model, lr), atol=0.05)
    assert card == json.loads((tmp_path / f"{path.name}.json").read_text(encoding="utf-8"))
    assert (card["scale"], card["tile_overlap_px"]) == (4, receptive_field_px(model))


@pytest.mark.parametrize("format", FORMATS)
def test_uint8_images_are_rounded_as_the_kit_does(format, cat, tmp_path):
    model = srcnn(2)  # of the bicubic image, whose borders are mirrored
    path = path_of(tmp_path, format)
    srkit.export(model, path, format, uint8=True)
    sr = result(path, cat[:29, :41])
    assert sr.dtype == np.uint8
    assert np.abs(sr.astype(int) - to_uint8(predict(model, cat[:29, :41]))).max() <= 1


@needs_tf2onnx
def test_batch_norms_are_in_the_convolutions(model, tmp_path):
    onnx = pytest.importorskip("onnx")
    srkit.export(model, tmp_path / "model.onnx", "onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    convolutions = sum(isinstance(layer, keras.layers.Conv2D) for layer in model.layers)
    assert not {"BatchNormalization", "Sqrt", "Where", "If"} & set(kinds)
    assert kinds.count("Conv") == convolutions + 1  # and SubPixelConv2D


def test_half_and_8_bits_are_near_and_their_cost_is_told(cat, tmp_path, capsys):
    pytest.importorskip("skimage")
    keras.utils.set_random_seed(0)
    model, lr = edsr(2, num_blocks=1, filters=8), cat[:29, :41].astype(np.float32)
    weights = tmp_path / "tiny.weights.h5"
    save_weights(model, weights)
    for precision, largest_error in (("half", 1), ("int8", 16)):
        path = tmp_path / f"{precision}.tflite"
        command = ["export", str(weights), "--format", "tflite", f"--{precision}", "-o", str(path)]
        assert cli.main(command) == 0
        assert 0 < np.abs(result(path, lr) - predict(model, lr)).max() < largest_error
    card = json.loads((tmp_path / "int8.tflite.json").read_text(encoding="utf-8"))
    cost = card["psnr_float32_db"] - card["psnr_db"]
    assert abs(cost) < 0.5
    assert f"8 bits cost {cost:.2f} dB" in capsys.readouterr().out


def test_a_keras_file_is_loaded_again(model, cat, tmp_path):
    srkit.export(model, tmp_path / "model.keras", "keras")
    lr = cat[:29, :41]
    np.testing.assert_allclose(predict(load_model(tmp_path / "model.keras"), lr), predict(model, lr), atol=1e-3)


def test_one_scale_of_several(cat, tmp_path):
    model = mdsr(num_blocks=1, filters=4)
    with pytest.raises(srkit.InputError, match="has the scales 2, 3, 4"):
        srkit.export(model, tmp_path / "all.tflite", "tflite")
    srkit.export(model, tmp_path / "x3.tflite", "tflite", scale=3)
    lr = cat[:29, :41].astype(np.float32)
    np.testing.assert_allclose(result(tmp_path / "x3.tflite", lr), predict(model, lr, scale=3), atol=0.05)


def test_nothing_is_overwritten_unasked(tmp_path):
    model = edsr(2, num_blocks=1, filters=4)
    srkit.export(model, tmp_path / "saved", "savedmodel")
    with pytest.raises(srkit.InputError, match="already there"):
        srkit.export(model, tmp_path / "saved", "savedmodel")
    srkit.export(model, tmp_path / "saved", "savedmodel", overwrite=True)
    (tmp_path / "photographs").mkdir()
    with pytest.raises(srkit.InputError, match="no SavedModel"):
        srkit.export(model, tmp_path / "photographs", "savedmodel", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photographs", "saved", "saved.json"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("edsr-small-x4 --format tfjs -o model", "ONNX Runtime Web"),
        ("edsr-small-x4 --format onnx -o model.tflite", "ends in .onnx"),
        ("edsr-small-x4 --format savedmodel -o model --int8", "tflite only"),
        ("edsr-small-x4 --format keras -o model.keras --uint8", "leave uint8 out"),
        ("a-plus-x2 --format tflite -o model.tflite", "no network"),
        ("nothing-x4 --format tflite -o model.tflite", "no model nothing-x4"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", *words.split()]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.iterdir())
