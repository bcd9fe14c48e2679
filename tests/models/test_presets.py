import os
import re
from pathlib import Path

import pytest

from srkit import InputError, cli, load_model, upscale
from srkit.evaluation import metrics
from srkit.image import downscale, read_image
from srkit.inference.styles import FAMILIES
from srkit.models import presets
from srkit.models.presets import GENERATORS, PRESETS, weights_dir

ALL = pytest.mark.parametrize("name", PRESETS)
SET5 = Path(os.environ.get("SRKIT_DATA_DIR", "")) / "benchmarks" / "Set5"


@ALL
def test_presets_are_what_their_row_says(name):
    preset, model = PRESETS[name], load_model(name)
    assert model.count_params() == preset.num_parameters
    assert preset.config.items() <= model.config.items()
    assert (weights_dir() / f"{name}.weights.h5").stat().st_size < 10_000_000


@ALL
def test_cards_agree_with_the_rows(name):
    preset = PRESETS[name]
    card = (weights_dir() / "README.md").read_text(encoding="utf-8")
    section = re.sub(r"\s+", " ", card.partition(f"\n## {name}\n")[2].partition("\n## ")[0].replace("\\\n", ""))
    steps = [f"{preset.steps:,} steps"] if preset.steps else []
    for fact in (preset.sha256[:8], *steps, preset.hardware, preset.command):
        assert fact in section
    for psnr, ssim in preset.scores.values():
        assert f"{psnr:.3f}".removesuffix("0") + f" / {ssim:.4f}" in card


@ALL
def test_commands_are_understood(name):
    words = PRESETS[name].command.split()
    assert words[:3] == ["python", "-m", "srkit"]
    cli._parser().parse_args(words[3:])


@pytest.mark.parametrize("name", GENERATORS)
def test_set5s_first_image_scores_as_published(name):
    preset = PRESETS[name]
    scale = preset.config["scale"]
    originals = sorted((SET5 / f"x{scale}").glob("*.png"))
    if not originals:
        pytest.skip("needs Set5 in SRKIT_DATA_DIR")
    hr = read_image(originals[0])
    sr = upscale(downscale(hr, scale), load_model(name))
    assert metrics.psnr(hr, sr, border=scale, channel="y") == pytest.approx(preset.first_image_psnr_db, abs=0.01)


def test_altered_preset_is_noticed(monkeypatch, tmp_path):
    (tmp_path / "edsr-x4.weights.h5").write_bytes(b"other")
    monkeypatch.setattr(presets, "weights_dir", lambda: tmp_path)
    with pytest.raises(InputError, match="SHA-256"):
        load_model("edsr-x4")
    (tmp_path / "edsr-x4.weights.h5").unlink()
    with pytest.raises(InputError, match="missing"):
        load_model("edsr-x4")


def test_presets_are_listed(capsys):
    assert cli.main(["presets"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(name in shown for name in PRESETS)
    assert all(shown.count(f"(style {style})") == 1 for style in FAMILIES)
