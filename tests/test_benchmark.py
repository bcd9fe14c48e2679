import json
import os
from pathlib import Path

import pytest
from PIL import Image

from srkit import cli, images, metrics, models, resize, save_weights

PUBLISHED = [  # bicubic, by an independent implementation of the protocol on the same files
    ("Set5", 2, 33.65, 0.9295),
    ("Set5", 3, 30.39, 0.8679),
    ("Set5", 4, 28.42, 0.8102),
    ("Set14", 2, 30.32, 0.8692),
    ("Set14", 3, 27.63, 0.7752),
    ("Set14", 4, 26.09, 0.7042),
]


@pytest.mark.parametrize("name, scale, psnr, ssim", PUBLISHED)
def test_bicubic_reproduces_the_literature(name, scale, psnr, ssim, tmp_path):
    folder = Path(os.environ.get("SRKIT_DATA_DIR", "data")) / "benchmarks" / name / f"x{scale}"
    if not folder.is_dir():
        pytest.skip(f"{name} is not in SRKIT_DATA_DIR")
    scores = tmp_path / "scores.json"
    assert cli.main(["benchmark", "--data", str(folder), "--scale", str(scale), "--json", str(scores)]) == 0
    mean = json.loads(scores.read_text())["mean"]
    assert mean["psnr"] == pytest.approx(psnr, abs=0.01)
    assert mean["ssim"] == pytest.approx(ssim, abs=2e-4)


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
    hr = images.crop_to_multiple(cat[:101, :91], 3)
    expected = metrics.psnr(hr, resize.upscale(resize.downscale(hr, 3), 3), border=3, luma=True)
    assert json.loads((tmp_path / "s.json").read_text())["mean"]["psnr"] == pytest.approx(expected)
