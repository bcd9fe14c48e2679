import io
import json
import sys

import pytest
from PIL import Image

from srkit import cli, models, save_weights
from srkit.evaluation import metrics
from srkit.evaluation.benchmarking import benchmark
from srkit.evaluation.report import print_result
from srkit.image import (
    crop_to_multiple,
    read_image,
)


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


def test_equal_images_are_infinite_and_null_in_json(tmp_path, capsys):
    Image.new("RGB", (40, 40), (9, 99, 199)).save(tmp_path / "flat.png")
    assert benchmark(tmp_path, 2)["mean"] == {"psnr": float("inf"), "ssim": 1.0, "lpips": 0.0}
    assert cli.main(["benchmark", "--data", str(tmp_path), "--scale", "2", "--json", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text())["mean"] == {"psnr": None, "ssim": 1.0, "lpips": 0.0}
    assert "inf" in capsys.readouterr().out


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


def test_names_that_a_terminal_cannot_write_are_no_error(folder, monkeypatch):
    (folder / "0.png").rename(folder / "ä中.png")
    result = benchmark(folder, 4)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    print_result(result)
    sys.stdout.flush()
    assert "ä?.png" in written.getvalue().decode("cp1252")
