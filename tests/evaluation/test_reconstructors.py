import json

import keras
import pytest
from PIL import Image

from srkit import InputError, cli, models
from srkit.evaluation import metrics
from srkit.evaluation.benchmarking import benchmark
from srkit.image import (
    INTERPOLATIONS,
    downscale,
    interpolate,
)


@pytest.mark.parametrize("kernel", INTERPOLATIONS)
def test_each_interpolation_is_its_own(folder, cat, kernel):
    hr = cat[:60, :68]
    expected = metrics.psnr(hr, interpolate(downscale(hr, 4), 4, kernel), border=4, channel="y")
    assert benchmark(folder, 4, kernel)["images"][0]["psnr"] == expected


def test_anybodys_keras_file_scores(folder, tmp_path):
    lr = keras.Input((None, None, 3))
    enlarged = keras.layers.UpSampling2D(2, interpolation="bilinear")(lr)
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(keras.layers.Rescaling(1 / 255)(enlarged))
    x = keras.layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x)
    sr = keras.layers.Add()([enlarged, keras.layers.Rescaling(255)(x)])
    keras.Model(lr, sr).save(tmp_path / "mine.keras")

    mine, scores = str(tmp_path / "mine.keras"), tmp_path / "s.json"
    arguments = ["benchmark", "--data", str(folder), "--scale", "2", "--json", str(scores)]
    assert cli.main([*arguments, "--model", "bilinear", mine, f"{mine}+"]) == 0
    bilinear, plain, ensemble = json.loads(scores.read_text())["models"]
    assert [plain["model"], ensemble["model"]] == ["mine.keras", "mine.keras+"]
    for model in (plain, ensemble):  # its residual is zero
        assert model["mean"]["psnr"] == pytest.approx(bilinear["mean"]["psnr"], abs=0.01)


def upsampler(*before, height=None, after=()):
    """A model that enlarges 2 times, with other layers before and after."""
    x = lr = keras.Input((height, height, 3))
    for layer in (*before, keras.layers.UpSampling2D(2), *after):
        x = layer(x)
    return keras.Model(lr, x, name="mine")


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: upsampler(keras.layers.UpSampling2D(2)), "enlarges 4 times; asked: 2"),
        (lambda: upsampler(after=[keras.layers.Conv2D(1, 3, padding="same")]), "not a super-resolution model"),
        (lambda: upsampler(after=[keras.layers.Rescaling(0.0)]), r"RGB in \[0, 255\]"),
        (lambda: upsampler(after=[keras.layers.Rescaling(float("nan"))]), r"RGB in \[0, 255\]"),
        (lambda: upsampler(keras.layers.AveragePooling2D(2), keras.layers.UpSampling2D(2)), "LR image of 35x30 px"),
    ],
)
def test_models_that_do_something_else_are_refused(build, message, folder, tmp_path, capsys):
    build().save(tmp_path / "mine.keras")
    path = str(tmp_path / "mine.keras")
    for number, photograph in enumerate(sorted(folder.iterdir())):
        Image.open(photograph).crop((0, 0, 70, 60 + number % 2)).save(photograph)
    assert cli.main(["benchmark", "--data", str(folder), "--scale", "2", "--model", path]) == 1
    error = capsys.readouterr().err.split("\r")[-1].strip()
    assert len(error.splitlines()) == 1
    assert error.startswith("srkit: ") and "mine.keras" in error
    with pytest.raises(InputError, match=message):
        benchmark(folder, 2, build())


@pytest.mark.parametrize(
    "build", [lambda: upsampler(height=32), lambda: upsampler(after=[keras.layers.Rescaling(1 / 255)])]
)
def test_models_for_one_size_and_for_0_to_1_are_scored(build, folder):
    scores = benchmark(folder, 2, ["nearest", build()])["models"]
    assert scores[1]["mean"] == scores[0]["mean"]


def test_models_that_never_differ_have_no_p(folder, tmp_path):
    for name in ("a", "b"):
        upsampler().save(tmp_path / f"{name}.keras")
    result = benchmark(folder, 2, [tmp_path / "a.keras", tmp_path / "b.keras"])
    assert result["models"][1]["p"] == {"psnr": None, "ssim": None, "lpips": None}


def test_model_for_several_scales_is_scored_at_each(folder):
    model = models.mdsr(filters=4, num_blocks=1)
    for scale in (2, 3):
        expected = benchmark(folder, scale, models.at_scale(model, scale))
        assert benchmark(folder, scale, model)["mean"] == expected["mean"]
    with pytest.raises(InputError, match=r"scales 2, 3, 4; received 8"):
        benchmark(folder, 8, model)
