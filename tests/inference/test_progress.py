import re

import keras
import numpy as np
import pytest
from PIL import Image

from srkit import models
from srkit.image import Photo
from srkit.inference import UpscaleOptions, progress, upscale_files, upscale_photo
from srkit.inference.tiles import Tile, cut, cut_for_progress, window_of

RADIUS_PX = 36


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return models.edsr(2, filters=4, num_blocks=1)


@pytest.mark.parametrize("height, width, least", [(390, 520, 2), (1500, 2000, 4), (3000, 4000, 9)])
def test_large_images_are_cut_for_little_more_work(height, width, least):
    tiles = cut_for_progress(height, width, RADIUS_PX, [Tile(0, height, 0, width)])
    rows, columns = window_of(tiles, RADIUS_PX, height, width)
    assert least <= len(tiles) <= 16 and len(tiles) * rows * columns <= 1.15 * height * width
    assert sum(tile.num_px for tile in tiles) == height * width


def test_images_that_are_small_or_cannot_be_cut_and_small_tiles_stay():
    for height, width, radius in ((200, 300, RADIUS_PX), (1500, 2000, None), (390, 520, 200)):
        whole = [Tile(0, height, 0, width)]
        assert cut_for_progress(height, width, radius, whole) == whole
    small = cut(1500, 2000, RADIUS_PX, 50_000)
    assert cut_for_progress(1500, 2000, RADIUS_PX, small) == small


@pytest.mark.parametrize("scale", [1.5, 2, 5])
@pytest.mark.parametrize("has_alpha", [False, True])
def test_shares_of_the_work_make_one(model, cat, scale, has_alpha):
    photo = Photo(cat, alpha=cat[..., 0] if has_alpha else None)
    options, shares = UpscaleOptions(scale=scale, precision="float32"), []
    larger = upscale_photo(photo, model, options, shares.append)
    assert sum(shares) == pytest.approx(1) and len(shares) >= (4 if has_alpha else 2) and min(shares) > 0
    plain = upscale_photo(photo, model, options)
    assert np.abs(larger.pixels.astype(int) - plain.pixels).max() <= 1


def test_one_photograph_shows_how_far_it_is_and_the_time_left(model, cat, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_SHOWN_AFTER_SECONDS", 0)
    Image.fromarray(cat).save(tmp_path / "a.png")
    upscale_files([tmp_path / "a.png"], tmp_path / "out.png", model)
    shown = re.findall(r"(\d+)%\|.*?\| (\d\d:\d\d<(?:\d\d:\d\d|\?))", capsys.readouterr().err)
    assert shown[-1][0] == "100"


def test_what_is_quick_shows_nothing(model, cat, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_SHOWN_AFTER_SECONDS", 600)
    for name in ("a.png", "b.png"):
        Image.fromarray(cat[:20, :30]).save(tmp_path / name)
    assert len(upscale_files([tmp_path], tmp_path / "out", model).done) == 2
    assert capsys.readouterr().err == ""


def test_bar_counts_shares_and_photographs(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_SHOWN_AFTER_SECONDS", 0)
    with progress.UpscalingBar(2) as bar:
        bar.advance(0.25)
        bar.advance(0.9)  # more than there is
        assert bar.n == 1
        bar.finish_one(1_000_000)
        bar.finish_one(0)  # one that failed
        assert bar.n == 2
    assert "100%" in capsys.readouterr().err and "2 of 2" in bar.postfix
