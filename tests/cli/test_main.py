import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from srkit import load_model, models, save_weights
from srkit.cli import main as cli
from srkit.image import read_image

TOY = ["--filters", "4", "--num-blocks", "1", "--batch-size", "2", "--patch-size", "32", "--num-valid", "1"]


PRE = ["train", "pre", "--data", "samples", "--steps", "1", "--run", "{empty}/run"]


@pytest.fixture
def weights(tmp_path) -> str:
    save_weights(models.edsr(2, filters=4, num_blocks=1), tmp_path / "toy.weights.h5")
    return str(tmp_path / "toy.weights.h5")


@pytest.fixture
def photos(tmp_path, cat):
    folder = tmp_path / "family photos"
    for name in ("a.png", "1999/b.jpg", "1999/c.webp"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cat[:20, :30]).save(path)
    return folder


def test_upscale_writes_beside_the_photograph(photos, weights, capsys):
    assert cli.main(["upscale", str(photos / "a.png"), "--model", weights]) == 0
    assert read_image(photos / "a_x2.png").shape == (40, 60, 3)
    assert "1 upscaled, 0 skipped, 0 failed" in capsys.readouterr().out


def test_upscale_mirrors_folders(photos, weights, tmp_path):
    assert cli.main(["upscale", str(photos), "-o", str(tmp_path / "large"), "--model", weights]) == 0
    large = sorted(path.relative_to(tmp_path / "large").as_posix() for path in (tmp_path / "large").rglob("*.*"))
    assert large == ["1999/b.jpg", "1999/c.webp", "a.png"]


def test_upscale_takes_a_file_name_and_another_format(photos, weights, tmp_path):
    out = tmp_path / "new" / "big.webp"
    assert cli.main(["upscale", str(photos / "1999/b.jpg"), "-o", str(out), "--model", weights, "--ensemble"]) == 0
    with Image.open(out) as image:
        assert (image.format, image.size) == ("WEBP", (60, 40))


def test_upscale_to_a_width_keeps_what_the_file_holds(cat, weights, tmp_path, capsys):
    exif = Image.Exif()
    exif[0x010F] = "Camera"
    Image.fromarray(cat[:20, :30]).convert("L").save(tmp_path / "a.jpg", exif=exif)
    common = ["upscale", str(tmp_path / "a.jpg"), "--model", weights, "--width", "100"]
    assert cli.main(common) == 0
    assert "upscaled x2 and x2 by the model, and reduced" in capsys.readouterr().out
    assert cli.main([*common, "--overwrite", "--quality", "20", "-o", str(tmp_path / "small.jpg"), "--strip"]) == 0
    with Image.open(tmp_path / "a_100w.jpg") as image, Image.open(tmp_path / "small.jpg") as small:
        assert (image.size, image.mode, image.getexif()[0x010F]) == ((100, 67), "L", "Camera")
        assert not small.getexif()
    assert (tmp_path / "small.jpg").stat().st_size < (tmp_path / "a_100w.jpg").stat().st_size


def test_what_is_done_is_skipped(photos, weights, capsys):
    arguments = ["upscale", str(photos), "--model", weights, "--skip-existing"]
    assert cli.main(arguments) == 0
    (photos / "1999/b_x2.jpg").unlink()
    assert cli.main(arguments) == 0
    assert "1 upscaled, 2 skipped, 0 failed" in capsys.readouterr().out


def test_files_that_claim_too_much_are_refused(photos, weights, capsys):
    assert cli.main(["upscale", str(photos / "a.png"), "--model", weights, "--max-pixels", "599"]) == 1
    assert "claims to hold 30x20 px" in capsys.readouterr().err


@pytest.mark.parametrize("text, size", [("4G", 4 * 2**30), ("500 MB", 500 * 2**20), ("1.5gib", 1.5 * 2**30), ("9", 9)])
def test_memory_is_given_as_people_write_it(text, size):
    assert cli.memory_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "4 giraffes", "-1G", "G"])
def test_memory_that_is_no_size_is_refused(text, photos, capsys):
    with pytest.raises(SystemExit):
        cli.main(["upscale", str(photos / "a.png"), f"--memory={text}"])
    assert "must be like 4G or 500M" in capsys.readouterr().err


def test_too_little_memory_is_said(photos, weights, capsys):
    assert cli.main(["upscale", str(photos / "a.png"), "--model", weights, "--memory", "10M"]) == 1
    assert "of memory do not suffice" in capsys.readouterr().err
    assert not (photos / "a_x2.png").exists()


def test_model_with_program_code_needs_trust(photos, tmp_path, capsys):
    inputs = keras.Input((None, None, 3))
    enlarged = keras.layers.UpSampling2D(2)(keras.layers.Lambda(lambda image: image * 1.0)(inputs))
    keras.Model(inputs, enlarged).save(tmp_path / "code.keras")
    arguments = ["upscale", str(photos / "a.png"), "--model", str(tmp_path / "code.keras")]
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert "--trust" in error and len(error.strip().splitlines()) == 1
    assert cli.main([*arguments, "--trust"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_with_a_line_break_is_told_in_one_line(photos, weights, capsys):
    (photos / "two\nlines.png").write_text("a text")
    assert cli.main(["upscale", str(photos / "two\nlines.png"), "--model", weights]) == 1
    error = capsys.readouterr().err
    assert r"two\nlines.png" in error and len(error.strip().splitlines()) == 1


def test_bad_files_are_reported_and_do_not_stop_the_others(photos, weights, tmp_path, capsys):
    (photos / "bad.jpg").write_text("a text")
    assert cli.main(["upscale", str(photos), "-o", str(tmp_path / "large"), "--model", weights]) == 1
    printed = capsys.readouterr()
    assert "bad.jpg" in printed.err and "is not an image" in printed.err
    assert "3 upscaled, 0 skipped, 1 failed" in printed.out
    assert not (tmp_path / "large" / "bad.jpg").exists()


def test_nothing_is_overwritten_unless_told(photos, weights, capsys):
    arguments = ["upscale", str(photos / "a.png"), "--model", weights]
    assert cli.main(arguments) == 0
    (photos / "a_x2.png").write_bytes(b"mine")
    assert cli.main(arguments) == 1
    assert "already there" in capsys.readouterr().err
    assert (photos / "a_x2.png").read_bytes() == b"mine"
    assert cli.main([*arguments, "--overwrite"]) == 0


def test_folder_can_be_upscaled_again(photos, weights, tmp_path):
    """Neither the results beside the photographs, nor those in a folder among them, are upscaled in turn."""
    arguments = ["upscale", str(photos), "--model", weights, "--overwrite"]
    for output in ([], [], ["-o", str(photos / "large")], ["-o", str(photos / "large")]):
        if output and not (photos / "large").exists():
            for path in photos.rglob("*_x2.*"):
                path.unlink()
        assert cli.main([*arguments, *output]) == 0
    assert len(list(photos.rglob("*.*"))) == 6


def test_originals_are_never_written_over(photos, weights, capsys):
    before = (photos / "a.png").read_bytes()
    assert cli.main(["upscale", str(photos), "-o", str(photos), "--overwrite", "--model", weights]) == 1
    assert "which is itself to be upscaled" in capsys.readouterr().err
    assert (photos / "a.png").read_bytes() == before


def test_two_results_for_one_file_are_refused(photos, weights, tmp_path, capsys):
    (photos / "1999/a.png").write_bytes((photos / "a.png").read_bytes())
    inputs = [str(photos / "a.png"), str(photos / "1999/a.png")]
    assert cli.main(["upscale", *inputs, "-o", str(tmp_path / "large"), "--model", weights]) == 1
    assert "would both be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["upscale", "missing.png", "--model", "{weights}"], "no file missing.png"),
        (["upscale", "a.png", "--model", "missing.h5"], "no model missing.h5"),
        (["upscale", "{empty}", "--model", "{weights}"], "no image"),
        (["train", "pre", "--data", "{empty}", "--steps", "1", "--run", "{empty}/run"], "no photograph"),
        (["train", "pre", "--data", "nowhere", "--steps", "1", "--run", "{empty}/run"], "no folder nowhere"),
        ([*PRE, "--model", "vdsr", "--num-blocks", "8"], "--num-blocks does not apply to vdsr"),
        ([*PRE, "--start-from", "missing.h5"], "no model missing.h5"),
        ([*PRE, "--start-from", "{weights}"], "srresnet cannot start from edsr"),
        (["train", "gan", "--data", "samples", "--steps", "1", "--run", "r", "--generator", "g.h5"], "no model g.h5"),
        (["runs", "{empty}/[/x]"], "no folder"),
    ],
)
def test_bad_input_is_one_line(arguments, message, weights, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    filled = [argument.format(weights=weights, empty=tmp_path / "empty") for argument in arguments]
    assert cli.main(filled) == 1
    error = capsys.readouterr().err
    assert (message in error and error.startswith("srkit: ")) or "srkit: missing.png" in error
    assert len(error.strip().splitlines()) == 1


def test_train_and_train_again(photos, tmp_path, cat, capsys):
    for index in range(4):
        Image.fromarray(np.roll(cat, 40 * index, axis=1)).save(photos / f"large{index}.png")
    run = tmp_path / "run"
    common = ["--data", str(photos), "--run", str(run), *TOY]
    with pytest.warns(UserWarning, match="left out"):
        assert cli.main(["train", "pre", "--steps", "2", *common]) == 0
    with pytest.warns(UserWarning):
        assert cli.main(["train", "pre", "--steps", "3", *common]) == 0
    assert len((run / "history.jsonl").read_text().splitlines()) == 3
    x2 = ["train", "pre", "--steps", "1", "--scale", "2", "--run", str(tmp_path / "x2"), "--data", str(photos), *TOY]
    with pytest.warns(UserWarning):
        assert cli.main([*x2, "--start-from", str(run / "best.weights.h5")]) == 0
    assert "new: upsample1_conv, upsample1_prelu" in capsys.readouterr().out
    pre = str(run / "best.weights.h5")
    gan = [
        "train",
        "gan",
        "--steps",
        "1",
        "--data",
        str(photos),
        *TOY[4:],
        "--loss",
        "mse=1",
        "adversarial=1e-3",
        "--generator",
        pre,
    ]
    with pytest.warns(UserWarning):
        assert cli.main([*gan, "--run", str(tmp_path / "gan"), "--discriminator-filters", "4"]) == 0
    discriminator = tmp_path / "gan" / "discriminator.weights.h5"
    assert load_model(discriminator).config["filters"] == 4
    with pytest.warns(UserWarning):
        assert cli.main([*gan, "--run", str(tmp_path / "further"), "--discriminator", str(discriminator)]) == 0
    assert cli.main([*gan, "--run", str(tmp_path / "wrong"), "--discriminator", pre]) == 1
    assert "is no discriminator" in capsys.readouterr().err


def test_module_runs_without_a_tensorflow_lecture(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "srkit", "upscale", tmp_path / "no.png", "--model", "no.h5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.splitlines() == [result.stderr.strip()]
    assert "Traceback" not in result.stderr
