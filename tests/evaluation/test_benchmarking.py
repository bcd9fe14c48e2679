import io
import json
import os
import sys
from pathlib import Path

import keras
import pytest
from PIL import Image
from scipy import stats

import srkit
from srkit import InputError, cli, models, save_weights
from srkit.evaluation import METRICS, Metric, metrics
from srkit.evaluation.benchmarking import benchmark
from srkit.evaluation.pairing import find_pairs
from srkit.evaluation.report import print_result
from srkit.image import (
    INTERPOLATIONS,
    crop_to_multiple,
    downscale,
    get_degradation,
    interpolate,
    list_images,
    read_image,
    write_image,
)

PUBLISHED = [  # bicubic, by an independent implementation of the protocol on the same files
    ("Set5", 2, 33.65, 0.9295),
    ("Set5", 3, 30.39, 0.8679),
    ("Set5", 4, 28.42, 0.8102),
    ("Set14", 2, 30.32, 0.8692),
    ("Set14", 3, 27.63, 0.7752),
    ("Set14", 4, 26.09, 0.7042),
]


def standard(name: str, scale: int) -> Path:
    folder = Path(os.environ.get("SRKIT_DATA_DIR", "data")) / "benchmarks" / name / f"x{scale}"
    if not folder.is_dir():
        pytest.skip(f"{name} is not in SRKIT_DATA_DIR")
    return folder


@pytest.fixture
def folder(cat, tmp_path) -> Path:
    """Six HR images of different contents, none a multiple of 4 each way, one of them greyscale."""
    folder = tmp_path / "hr"
    folder.mkdir()
    for index in range(5):
        Image.fromarray(cat[40 * index : 40 * index + 61, 50 * index : 50 * index + 70]).save(folder / f"{index}.png")
    Image.fromarray(cat[100:161, 100:170]).convert("L").save(folder / "grey.png")
    return folder


@pytest.mark.parametrize("name, scale, psnr, ssim", PUBLISHED)
def test_bicubic_reproduces_the_literature(name, scale, psnr, ssim, tmp_path):
    scores = tmp_path / "scores.json"
    arguments = ["benchmark", "--data", str(standard(name, scale)), "--scale", str(scale), "--json", str(scores)]
    assert cli.main(arguments) == 0
    mean = json.loads(scores.read_text())["mean"]
    assert mean["psnr"] == pytest.approx(psnr, abs=0.01)
    assert mean["ssim"] == pytest.approx(ssim, abs=2e-4)


DEGRADED = [  # bicubic on Set5, measured by other implementations of JPEG (Pillow) and LPIPS (PyTorch)
    ("bicubic", 28.42, 0.3443, "LR by the bicubic kernel, Y channel"),
    ("jpeg90", 28.12, 0.4294, "LR by the bicubic kernel, then JPEG of quality 90, Y channel"),
    ("jpeg75", 27.47, 0.4775, "LR by the bicubic kernel, then JPEG of quality 75, Y channel"),
    ("jpeg40", 26.34, 0.5462, "LR by the bicubic kernel, then JPEG of quality 40, Y channel"),
]


@pytest.mark.parametrize("degradation, psnr, lpips, protocol", DEGRADED)
def test_degraded_photographs_score_as_elsewhere(degradation, psnr, lpips, protocol):
    result = benchmark(standard("Set5", 4), 4, degradation=degradation, metrics=["psnr", "lpips"])
    assert result["mean"]["psnr"] == pytest.approx(psnr, abs=0.02)
    assert result["mean"]["lpips"] == pytest.approx(lpips, abs=0.002)
    assert protocol in result["protocol"] and "LPIPS" in result["protocol"] and "SSIM" not in result["protocol"]


def test_fixed_degradation_is_applied_and_printed(folder, cat, capsys):
    hr = cat[:60, :68]
    expected = metrics.psnr(hr, interpolate(get_degradation("jpeg75", 4)(hr), 4), border=4, channel="y")
    assert benchmark(folder, 4, degradation="jpeg75")["images"][0]["psnr"] == expected
    assert cli.main(["benchmark", "--data", str(folder), "--degradation", "jpeg75", "--metrics", "psnr"]) == 0
    printed = capsys.readouterr().out
    assert "then JPEG of quality 75" in printed and "LPIPS" not in printed and f"{expected:.2f}" in printed


def test_random_degradation_is_drawn_by_the_name_of_each_image(folder):
    images = benchmark(folder, 4, degradation="realistic", metrics=["psnr"])["images"]
    (folder / "0.png").unlink()
    result = benchmark(folder, 4, degradation="realistic", metrics=["psnr"])
    assert result["images"] == images[1:]
    assert "drawn at random with a fixed seed for each image" in result["protocol"]


def test_own_metric_is_one_entry_in_the_table(folder, monkeypatch, capsys):
    def brightness(hr, sr, border, channel):
        return float(sr.mean() - hr.mean())

    monkeypatch.setitem(METRICS, "brightness", Metric(brightness, "Brightness", "How much brighter.", 1, "levels"))
    result = benchmark(folder, 4, ["bicubic", "nearest"], metrics=["brightness"])
    assert list(result["models"][1]["p"]) == ["brightness"]
    print_result(result)
    assert "Brightness levels" in capsys.readouterr().out


def test_self_ensemble_does_not_lower_the_presets_score():
    plain, ensemble = benchmark(standard("Set5", 4), 4, ["edsr-small-x4", "edsr-small-x4+"])["models"]
    assert ensemble["model"] == "edsr-small-x4+"
    assert plain["mean"]["psnr"] < ensemble["mean"]["psnr"] < plain["mean"]["psnr"] + 0.5


def test_json_has_every_image_and_the_mean(cat, tmp_path, capsys):
    (tmp_path / "hr").mkdir()
    for name, crop in (("a.png", cat[:101, :90]), ("b.png", cat[100:180])):
        Image.fromarray(crop).save(tmp_path / "hr" / name)
    save_weights(models.edsr(2, filters=4, num_blocks=1), tmp_path / "toy.weights.h5")
    arguments = ["benchmark", "--data", str(tmp_path / "hr"), "--model", str(tmp_path / "toy.weights.h5")]
    assert cli.main([*arguments, "--scale", "2", "--json", str(tmp_path / "s.json")]) == 0
    result = json.loads((tmp_path / "s.json").read_text())
    assert [image["name"] for image in result["images"]] == ["a.png", "b.png"]
    assert result["mean"]["psnr"] == pytest.approx(sum(image["psnr"] for image in result["images"]) / 2)
    assert "Y channel" in capsys.readouterr().out
    assert cli.main([*arguments, "--scale", "4"]) == 1
    assert "enlarges 2 times; asked: 4" in capsys.readouterr().err


def test_hr_is_cropped_to_a_multiple_of_the_scale(cat, tmp_path):
    Image.fromarray(cat[:101, :91]).save(tmp_path / "a.png")
    assert cli.main(["benchmark", "--data", str(tmp_path), "--scale", "3", "--json", str(tmp_path / "s.json")]) == 0
    hr = crop_to_multiple(cat[:101, :91], 3)
    expected = metrics.psnr(hr, interpolate(downscale(hr, 3), 3), border=3, channel="y")
    assert json.loads((tmp_path / "s.json").read_text())["mean"]["psnr"] == pytest.approx(expected)


def test_protocols(folder, cat):
    hr = crop_to_multiple(cat[:61, :70], 2)
    sr = interpolate(downscale(hr, 2), 2)
    for protocol, rgb, border in (("edsr", False, 2), ("srgan", False, 4), ("srgan", True, 4)):
        result = benchmark(folder, 2, protocol=protocol, channel="rgb" if rgb else "y")
        expected = {"border": border, "channel": "rgb" if rgb else "y"}
        assert result["images"][0]["psnr"] == metrics.psnr(hr, sr, **expected)
        assert result["images"][0]["ssim"] == metrics.ssim(hr, sr, **expected)
        assert f"{'RGB' if rgb else 'Y channel'} " in result["protocol"].replace(",", " ")
        assert f"border {border} px" in result["protocol"] and result["protocol"].startswith(protocol)
        assert "1 greyscale" in result["data"]


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
        (lambda: upsampler(after=[keras.layers.Rescaling(1 / 255)]), r"RGB in \[0, 255\]"),
        (lambda: upsampler(after=[keras.layers.Rescaling(float("nan"))]), r"RGB in \[0, 255\]"),
        (lambda: upsampler(height=32), "takes images of 32x32 px only; received 35x30 px"),
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


def test_several_models_are_compared_with_the_first(folder, capsys):
    result = benchmark(folder, 4, ["bicubic", "nearest", "lanczos"])
    first, *others = result["models"]
    assert "p" not in first and "images" not in result
    for other in others:
        for metric in ("psnr", "ssim", "lpips"):
            scores = [[image[metric] for image in model["images"]] for model in (first, other)]
            assert other["p"][metric] == pytest.approx(stats.wilcoxon(*scores).pvalue)
    assert others[0]["p"]["psnr"] == pytest.approx(2 / 2**6)  # nearest is worse on each of the six
    assert cli.main(["benchmark", "--data", str(folder), "--model", "bicubic", "nearest"]) == 0
    printed = capsys.readouterr().out
    assert "0.031" in printed and "Wilcoxon signed-rank test against bicubic over 6 images" in printed


def test_too_few_images_have_no_p(folder, capsys):
    (folder / "grey.png").unlink()
    assert benchmark(folder, 4, ["bicubic", "nearest"])["models"][1]["p"] == {"psnr": None, "ssim": None, "lpips": None}
    assert cli.main(["benchmark", "--data", str(folder), "--model", "bicubic", "nearest"]) == 0
    printed = capsys.readouterr().out
    assert "with 5 images none below 0.05 is possible" in printed and "p (PSNR)" not in printed


def test_models_that_never_differ_have_no_p(folder, tmp_path):
    for name in ("a", "b"):
        upsampler().save(tmp_path / f"{name}.keras")
    result = benchmark(folder, 2, [tmp_path / "a.keras", tmp_path / "b.keras"])
    assert result["models"][1]["p"] == {"psnr": None, "ssim": None, "lpips": None}


def test_equal_images_are_infinite_and_null_in_json(tmp_path, capsys):
    Image.new("RGB", (40, 40), (9, 99, 199)).save(tmp_path / "flat.png")
    assert benchmark(tmp_path, 2)["mean"] == {"psnr": float("inf"), "ssim": 1.0, "lpips": 0.0}
    assert cli.main(["benchmark", "--data", str(tmp_path), "--scale", "2", "--json", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text())["mean"] == {"psnr": None, "ssim": 1.0, "lpips": 0.0}
    assert "inf" in capsys.readouterr().out


def test_lr_made_elsewhere_is_used(folder, tmp_path):
    for path in list_images(folder):
        hr = crop_to_multiple(read_image(path), 2)
        write_image(tmp_path / "lr" / f"{path.stem}x2.bmp", downscale(hr, 2, "gaussian"))
    result = benchmark(folder, 2, lr=tmp_path / "lr")
    hr = crop_to_multiple(read_image(folder / "0.png"), 2)
    expected = metrics.psnr(hr, interpolate(downscale(hr, 2, "gaussian"), 2), border=2, channel="y")
    assert result["images"][0]["psnr"] == expected
    assert "bicubic" not in result["protocol"] and str(tmp_path / "lr") in result["protocol"]


def test_lr_of_another_scale_is_refused(folder, tmp_path):
    for path in list_images(folder):
        hr = crop_to_multiple(read_image(path), 2)
        write_image(tmp_path / "lr" / path.name, downscale(hr, 2))
    with pytest.raises(InputError, match=r"0.png has 35x30 px, but 0.png, cropped to 69x60 px, needs 23x20 px at x3"):
        benchmark(folder, 3, lr=tmp_path / "lr")


def found(tmp_path, files: list[str], scale: int = 4, data: str = ".", lr: str | None = None):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return find_pairs(tmp_path / data, scale, None if lr is None else tmp_path / lr)


SELF_EX_SR = [f"image_SRF_{s}/img_001_SRF_{s}_{kind}.png" for s in (2, 4) for kind in ("HR", "LR", "bicubic")]
EDSR_LAYOUT = ["HR/baby.png", *(f"LR_bicubic/X{s}/babyx{s}.png" for s in (2, 3, 4))]


@pytest.mark.parametrize(
    "files, taken, left_out",
    [
        (["b.PNG", "a.jpg", "c/d.tif", ".e.png", ".cache/f.png"], ["a.jpg", "b.PNG", "c/d.tif"], ""),
        (["a.png", "Thumbs.db", "notes.txt"], ["a.png"], "2 files that are no images"),
        (SELF_EX_SR, ["image_SRF_4/img_001_SRF_4_HR.png"], "4 beside those named HR, 1 of another scale"),
        (EDSR_LAYOUT, ["HR/baby.png"], "3 beside those named HR"),
        (["GTmod12/a.png", "LRbicx4/a.png", "original/a.png"], ["GTmod12/a.png"], "2 beside those named HR"),
        (["a.png", "LRbicx4/a.png"], ["a.png"], "1 named LR"),
        (["x2/a.png", "x4/a.png"], ["x4/a.png"], "1 of another scale"),
        (["x2/a.png", "x3/a.png"], ["x2/a.png", "x3/a.png"], ""),
        (
            ["a.png", "a_x4.jpg", "ax2.png", "b_x4.png", "x4.png"],
            ["a.png", "b_x4.png", "x4.png"],
            "2 enlarged versions",
        ),
        (["Porsche GT 3.jpg", "photo.hr.png"], ["Porsche GT 3.jpg", "photo.hr.png"], ""),
    ],
)
def test_what_is_taken_of_a_folder(tmp_path, files, taken, left_out):
    pairs, line = found(tmp_path, files)
    assert [pair.name for pair in pairs] == taken
    assert left_out in line and ("left out" in line) == bool(left_out)


@pytest.mark.parametrize(
    "files, data, lr, matches",
    [
        (["h/a.png", "l/a.jpg"], "h", "l", {"a.png": "l/a.jpg"}),
        (["h/0001.png", "l/0001x4.png"], "h", "l", {"0001.png": "l/0001x4.png"}),
        (["h/a.png", "l/A_X4.PNG"], "h", "l", {"a.png": "l/A_X4.PNG"}),
        (
            ["h/1/a.png", "h/2/a.png", "l/1/a.png", "l/2/a.png"],
            "h",
            "l",
            {"1/a.png": "l/1/a.png", "2/a.png": "l/2/a.png"},
        ),
        (["a.png", "lr/a.png"], ".", "lr", {"a.png": "lr/a.png"}),
        (["a.png", "ax4.png"], ".", ".", {"a.png": "ax4.png"}),
        (EDSR_LAYOUT, ".", "LR_bicubic", {"HR/baby.png": "LR_bicubic/X4/babyx4.png"}),
        (SELF_EX_SR, ".", ".", {"image_SRF_4/img_001_SRF_4_HR.png": "image_SRF_4/img_001_SRF_4_LR.png"}),
    ],
)
def test_lr_is_found_under_customary_names(tmp_path, files, data, lr, matches):
    pairs, _ = found(tmp_path, files, data=data, lr=lr)
    assert {pair.name: pair.lr.relative_to(tmp_path).as_posix() for pair in pairs} == matches


@pytest.mark.parametrize(
    "files, message",
    [
        (
            ["h/a.png", "h/b.png", "l/a.png"],
            "1 of 2 HR images have no LR in .*: b.png. Expected names like b.png or bx4",
        ),
        (["h/a.png", "l/a.png", "l/a.jpg"], "more than one LR"),
        (["h/1/a.png", "h/2/a.png", "l/a.png"], "give folders built alike"),
    ],
)
def test_doubtful_pairs_are_refused(tmp_path, files, message):
    with pytest.raises(InputError, match=message):
        found(tmp_path, files, data="h", lr="l")


@pytest.mark.parametrize(
    "files, data, lr, left_out",
    [
        (["h/a.png", "l/a.png", "l/b.png"], "h", "l", "1 LR without HR"),
        (["a.png", "l/a.png", "l/b.png"], ".", "l", "1 LR without HR"),
        (SELF_EX_SR, ".", ".", "3 beside those named HR, 1 of another scale"),  # the LR in use is not among them
    ],
)
def test_lr_that_is_not_used_is_said(tmp_path, files, data, lr, left_out):
    _, line = found(tmp_path, files, data=data, lr=lr)
    assert line.endswith(f"; left out: {left_out}")


def test_saved_images_are_those_that_were_scored(folder, tmp_path):
    Image.open(folder / "0.png").save(folder / "0.jpg")
    result = benchmark(folder, 4, ["bicubic", "nearest"], save=tmp_path / "sr")
    for model in result["models"]:
        for image in model["images"]:
            name = image["name"] if image["name"].endswith("png") else f"{image['name']}.png"
            sr = read_image(tmp_path / "sr" / model["model"] / name)
            hr = crop_to_multiple(read_image(folder / image["name"]), 4)
            assert metrics.psnr(hr, sr, border=4, channel="y") == image["psnr"]
    sheet = read_image(tmp_path / "sr" / "contact_sheet.png")
    assert sheet.shape == (7 * (256 + 24), 3 * (256 + 4), 3)


def test_markdown_is_a_table(folder, tmp_path):
    arguments = ["benchmark", "--data", str(folder), "--markdown", str(tmp_path / "new" / "table.md")]
    assert cli.main([*arguments, "--model", "bicubic", "lanczos"]) == 0
    lines = (tmp_path / "new" / "table.md").read_text(encoding="utf-8").splitlines()
    mean = benchmark(folder, 4)["mean"]
    assert lines[0] == "| model | PSNR dB | SSIM | LPIPS | p (PSNR) | p (SSIM) | p (LPIPS) |"
    assert lines[2] == f"| bicubic | {mean['psnr']:.2f} | {mean['ssim']:.4f} | {mean['lpips']:.4f} |  |  |  |"
    assert "Y channel" in "\n".join(lines) and sum(line.startswith("| grey.png |") for line in lines) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--model", "bicubic+"], "leave the + out"),
        (["--model", "bicubic", "bicubic"], "two models bicubic"),
        (["--model", "cubic"], "There is no model cubic"),
        (["--degradation", "jpeg0"], "no degradation 'jpeg0'"),
        (["--degradation", "jpeg50", "--lr", "{data}"], "leave the degradation out"),
        (["--save", "{data}/sr"], "give a folder apart"),
        (["--lr", "nowhere"], "There is no folder nowhere"),
        (["--data", "{data}/0.png"], "There is no folder"),
        (["--scale", "8", "--protocol", "srgan"], ""),
    ],
)
def test_bad_arguments_are_one_line(folder, arguments, message, capsys):
    status = cli.main(["benchmark", "--data", str(folder), *(a.format(data=folder) for a in arguments)])
    error = capsys.readouterr().err
    assert status == (1 if message else 0)
    assert message in error
    assert not message or len(error.strip().splitlines()) == 1


def test_bad_images_are_said_before_any_is_scored(folder, tmp_path, capsys):
    Image.new("RGB", (18, 80)).save(folder / "z.png")
    arguments = ["benchmark", "--data", str(folder), "--save", str(tmp_path / "sr")]
    assert cli.main(arguments) == 1
    assert "z.png is too small: 18x80 px" in capsys.readouterr().err
    (folder / "z.png").write_bytes((folder / "0.png").read_bytes()[:900])
    assert cli.main(arguments) == 1
    assert "z.png is damaged" in capsys.readouterr().err
    assert not (tmp_path / "sr").exists()


def test_module_is_reachable_from_the_package():
    assert srkit.benchmark is srkit.evaluation.benchmark is benchmark


def test_names_that_a_terminal_cannot_write_are_no_error(folder, monkeypatch):
    (folder / "0.png").rename(folder / "ä中.png")
    result = benchmark(folder, 4)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    print_result(result)
    sys.stdout.flush()
    assert "ä?.png" in written.getvalue().decode("cp1252")


def test_model_for_several_scales_is_scored_at_each(folder):
    model = models.mdsr(filters=4, num_blocks=1)
    for scale in (2, 3):
        expected = benchmark(folder, scale, models.at_scale(model, scale))
        assert benchmark(folder, scale, model)["mean"] == expected["mean"]
    with pytest.raises(InputError, match=r"scales 2, 3, 4; received 8"):
        benchmark(folder, 8, model)
