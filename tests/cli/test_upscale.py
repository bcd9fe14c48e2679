import sys

import keras
import pytest
from PIL import Image

from srkit import cli, models
from srkit.image import read_image
from srkit.inference.styles import DEFAULT_STRENGTH


def test_upscale_writes_beside_the_photograph(photos, weights, capsys):
    assert cli.main(["upscale", str(photos / "a.png"), "--model", weights]) == 0
    assert read_image(photos / "a_x2.png").shape == (40, 60, 3)
    assert "1 upscaled, 0 skipped, 0 failed" in capsys.readouterr().out


def test_styles_are_told_in_one_line(photos, tmp_path, capsys):
    assert cli.main(["upscale", str(photos), "-o", str(tmp_path / "large")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"1 JPEG, 1 WEBP: style photo (photo-x4, strength {DEFAULT_STRENGTH:g}); 1 PNG: style faithful (edsr-x4)",
        "3 upscaled, 0 skipped, 0 failed",
    ]
    assert read_image(tmp_path / "large" / "a.png").shape == (80, 120, 3)


def test_a_style_holds_for_all(photos, tmp_path, capsys):
    arguments = ["upscale", str(photos), "-o", str(tmp_path / "large"), "--scale", "2"]
    assert cli.main([*arguments, "--style", "faithful"]) == 0
    assert "1 JPEG, 1 WEBP, 1 PNG: style faithful (edsr-x2)\n3 upscaled" in capsys.readouterr().out
    assert cli.main([*arguments, "--style", "photo", "--strength", "0", "--overwrite"]) == 0
    assert "1 PNG: style photo (photo-x4, strength 0)\n" in capsys.readouterr().out
    assert read_image(tmp_path / "large" / "a.png").shape == (40, 60, 3)


@pytest.mark.parametrize("style", [["--style", "photo"], ["--strength", "0"]])
def test_a_model_and_a_style_are_too_much(photos, weights, style, capsys):
    assert cli.main(["upscale", str(photos), "--model", weights, *style]) == 1
    assert "--model replaces --style and --strength" in capsys.readouterr().err


def test_two_models_are_mixed(photos, weights, tmp_path, capsys):
    photo = str(photos / "a.png")
    for share in ("0", "1"):
        out = str(tmp_path / f"{share}.png")
        assert cli.main(["upscale", photo, "--mix", weights, weights, share, "-o", out]) == 0
    assert (read_image(tmp_path / "0.png") == read_image(tmp_path / "1.png")).all()
    for arguments, message in (
        (["--mix", weights, "edsr-x4", "0.5"], "architectures differ"),
        (["--mix", weights, weights, "half"], "a number from 0 to 1"),
        (["--mix", weights, weights, "2"], "from 0 to 1"),
        (["--mix", weights, weights, "0", "--model", weights], "leave --model out"),
        (["--mix", weights, weights, "0", "--strength", "1"], "--mix replaces"),
    ):
        assert cli.main(["upscale", photo, *arguments]) == 1
        assert message in capsys.readouterr().err


def test_scale_of_a_model_for_several_is_chosen(photos, tmp_path, capsys):
    models.save_weights(models.mdsr(filters=4, num_blocks=1), tmp_path / "mdsr.weights.h5")
    arguments = ["upscale", str(photos / "a.png"), "--model", str(tmp_path / "mdsr.weights.h5")]
    assert cli.main([*arguments, "--scale", "3"]) == 0
    assert read_image(photos / "a_x3.png").shape == (60, 90, 3)
    assert cli.main(arguments) == 1
    assert "mdsr has the scales 2, 3, 4: choose one with --scale." in capsys.readouterr().err


def test_strength_out_of_its_range_is_refused(photos, capsys):
    assert cli.main(["upscale", str(photos), "--strength", "2"]) == 1
    assert "from 0 to 1" in capsys.readouterr().err


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
