import numpy as np
import pytest
from skimage import data as photographs

import srkit
from srkit import InputError, cli
from srkit.classical import APlus, train_a_plus
from srkit.classical.windows import average, from_blocks, gradients, project, to_blocks, windows
from srkit.evaluation.metrics import psnr
from srkit.image import crop_to_multiple, downscale, interpolate, read_image, to_uint8, write_image
from srkit.inference import upscaling


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("photographs")
    for name in ("astronaut", "coffee", "rocket"):
        write_image(path / f"{name}.png", getattr(photographs, name)()[:320, :320])
    return path


@pytest.fixture(scope="module")
def model(folder):
    return train_a_plus(sorted(folder.iterdir()), 3, num_anchors=32, num_samples=30_000, num_neighbours=500)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_gradients_are_the_published_filters(cat, scale):
    image = cat[: 8 * scale, : 9 * scale, 1].astype(np.float32)
    first = np.array([1, *[0] * (scale - 1), -1])
    second = np.array([1, *[0] * (scale - 1), -2, *[0] * (scale - 1), 1]) / 2
    blocks = gradients(image, scale).reshape(8, 9, 4, -1)
    for index, (taps, axis) in enumerate([(first, 1), (first, 0), (second, 1), (second, 0)]):
        # MATLAB's conv2(…, "same") leaves out as many values of the full convolution at its beginning.
        full, begin = np.apply_along_axis(np.convolve, axis, image, taps), len(taps) // 2
        expected = full.take(range(begin, begin + image.shape[axis]), axis)
        np.testing.assert_allclose(blocks[:, :, index], to_blocks(expected, scale), atol=1e-4)


def test_windows_are_projected_and_averaged(cat):
    image = cat[:24, :27, 0].astype(np.float32)
    blocks = to_blocks(image, 3)
    np.testing.assert_array_equal(from_blocks(blocks, 3), image)
    found = windows(blocks)
    assert found.shape == (4, 5, 81)
    np.testing.assert_array_equal(from_blocks(found[1, 2].reshape(3, 3, 9), 3), image[6:15, 9:18])
    basis = np.random.default_rng(0).standard_normal((81, 4)).astype(np.float32)
    np.testing.assert_allclose(project(blocks, basis), found @ basis, rtol=1e-3, atol=1e-2)
    expected = np.zeros_like(image)
    expected[3:-3, 3:-3] = image[3:-3, 3:-3]
    np.testing.assert_allclose(from_blocks(average(found, 8, 9), 3), expected, atol=1e-3)


def test_result_is_that_of_each_window_alone(model, cat):
    lr = cat[100:112, 120:134].astype(np.float32)
    basis, anchors, maps = (model.weights[name] for name in ("basis", "anchors", "maps"))
    enlarged = interpolate(lr, 3)
    y = enlarged @ [65.481, 128.553, 24.966] / 255**2
    blocks = gradients(y, 3)
    total, count = np.zeros_like(y), np.zeros_like(y)
    for row in range(1, 12 - 3):
        for column in range(1, 14 - 3):
            features = blocks[row : row + 3, column : column + 3].ravel() @ basis
            found = features @ maps[np.argmax(np.abs(anchors @ features))]
            place = slice(3 * row, 3 * row + 9), slice(3 * column, 3 * column + 9)
            total[place] += from_blocks(found.reshape(3, 3, 9), 3)
            count[place] += 1
    expected = enlarged + (255 * 255 / 219) * (total / np.maximum(count, 1))[..., None]
    np.testing.assert_allclose(model(lr), expected, atol=0.02)


def test_it_beats_bicubic_on_a_photograph_that_it_has_not_seen(model, cat):
    hr = crop_to_multiple(cat, 3)
    lr = downscale(hr, 3)
    bicubic, ours = (psnr(hr, sr, border=3, channel="y") for sr in (interpolate(lr, 3), srkit.upscale(lr, model)))
    assert ours > bicubic + 0.3


def test_tiles_and_self_ensemble(model, cat, monkeypatch):
    lr = cat[:90, :120]
    whole = to_uint8(model(lr.astype(np.float32)))
    monkeypatch.setattr(upscaling, "memory_used_and_limit", lambda memory: (0, 40 * 40 * model.bytes_per_px * 2))
    tiled = srkit.upscale(lr, model)
    assert (tiled != whole).mean() < 1e-3  # products of other shapes are rounded otherwise
    ensemble = srkit.upscale(lr, model, ensemble=True)
    assert 0 < np.abs(ensemble.astype(int) - whole).mean() < 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (5, 5)])
def test_tiny_images(model, cat, shape):
    sr = srkit.upscale(cat[: shape[0], : shape[1]], model)
    assert sr.shape == (3 * shape[0], 3 * shape[1], 3)


def test_command_line(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("srkit.classical.train_a_plus", lambda paths, scale: train_a_plus(paths, scale, 16, 5000, 100))
    path = tmp_path / "mine.weights.h5"
    assert cli.main(["train", "a-plus", "--data", str(folder), "--scale", "2", "--output", str(path)]) == 0
    model = srkit.load_model(path)
    assert isinstance(model, APlus) and model.scale == 2
    write_image(tmp_path / "grey.png", np.dstack([photographs.camera()[:60, :70]] * 3))
    assert cli.main(["upscale", str(tmp_path / "grey.png"), "--model", str(path)]) == 0
    sr = read_image(tmp_path / "grey_x2.png")
    assert sr.shape == (120, 140, 3) and (sr == sr[..., :1]).all()
    result = srkit.benchmark(folder, 2, ["bicubic", path], metrics=["psnr"])
    bicubic, ours = (row["mean"]["psnr"] for row in result["models"])
    assert ours > bicubic
    assert cli.main(["benchmark", "--data", str(folder), "--scale", "4", "--model", str(path)]) == 1
    assert "enlarges 2 times; asked: 4" in capsys.readouterr().err
    gan = [
        "train",
        "gan",
        "--data",
        str(folder),
        "--generator",
        str(path),
        "--steps",
        "1",
        "--run",
        str(tmp_path / "r"),
    ]
    assert cli.main(gan) == 1
    assert "is no network" in capsys.readouterr().err
    assert cli.main(["upscale", str(tmp_path / "grey.png"), "--mix", str(path), "edsr-x2", "0.5"]) == 1
    assert "cannot be mixed" in capsys.readouterr().err


def test_too_few_photographs_are_refused(tmp_path, cat):
    write_image(tmp_path / "a.png", cat[:50, :50])
    with pytest.raises(InputError, match="Give more or larger photographs"):
        train_a_plus([tmp_path / "a.png"], 2)
