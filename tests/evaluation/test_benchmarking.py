import json
import os
from pathlib import Path

import pytest
from PIL import Image

import srkit
from srkit import InputError, cli
from srkit.evaluation import METRICS, Metric, metrics
from srkit.evaluation.benchmarking import benchmark
from srkit.evaluation.report import print_result
from srkit.image import (
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
    assert result["protocol"].endswith("networks compute in float32")


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
