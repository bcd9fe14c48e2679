import subprocess
import sys

import pytest

from srkit import cli

PRE = ["train", "pre", "--data", "samples", "--steps", "1", "--run", "{empty}/run"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["upscale", "missing.png", "--model", "{weights}"], "no file missing.png"),
        (["upscale", "a.png", "--model", "missing.h5"], "no model missing.h5"),
        (["upscale", "{empty}", "--model", "{weights}"], "no image"),
        (["train", "pre", "--data", "{empty}", "--steps", "1", "--run", "{empty}/run"], "no photograph"),
        (["train", "pre", "--data", "nowhere", "--steps", "1", "--run", "{empty}/run"], "no folder nowhere"),
        ([*PRE, "--lr", "{empty}"], "no LR images of its own"),
        ([*PRE, "--model", "vdsr", "--num-blocks", "8"], "--num-blocks does not apply to vdsr"),
        ([*PRE, "--start-from", "missing.h5"], "no model missing.h5"),
        ([*PRE, "--run", "{weights}"], "is a file, but a run needs a folder"),
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--help", "COMMAND"),
        ("--version", "srkit 0."),
        ("upscale --help", "--width PX"),
        ("train pre --help", "--loss NAME=WEIGHT"),
        ("train gan --help", "adversarial"),
        ("benchmark --help", "--protocol"),
        ("presets", "edsr-x4"),
    ],
)
def test_help_and_version_come_without_tensorflow(words, message):
    code = (
        "import sys\nfrom srkit import cli\n"
        f"try:\n    cli.main({words.split()})\nexcept SystemExit:\n    pass\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert message in result.stdout
