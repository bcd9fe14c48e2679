import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from srkit import cli
from srkit.cli.quiet import silenced_libraries
from srkit.training.run_folder import RunFolder

PRE = ["train", "pre", "--data", "samples", "--steps", "1", "--run", "{empty}/run"]
GAN = ["train", "gan", *PRE[2:]]


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
        ([*PRE, "--model", "srresnet", "--start-from", "{weights}"], "srresnet cannot start from edsr"),
        ([*GAN, "--generator", "g.h5"], "no model g.h5"),
        ([*PRE, "--start-from", "selfexsr-x4"], "selfexsr-x4 is no network"),
        ([*GAN, "--generator", "{weights}", "--scale", "3"], "does not upscale x3: leave --scale out"),
        (["runs", "{empty}/[/x]"], "no folder"),
        ([*PRE, "--data", "{weights}"], "is a file; a folder of photographs was expected"),
        ([*PRE, "--seed", "-1"], "seed must be a whole number from 0"),
        (["upscale", "{empty}", "-o", "x/{{bogus}}.png", "--model", "{weights}"], "there is no {{bogus}}"),
    ],
)
def test_bad_input_is_one_line(arguments, message, weights, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    filled = [argument.format(weights=weights, empty=tmp_path / "empty") for argument in arguments]
    assert cli.main(filled) == 1
    error = capsys.readouterr().err
    assert (message.format() in error and error.startswith("srkit: ")) or "srkit: missing.png" in error
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
        ("convert --help", "NAME.json"),
        ("export --help", "--int8"),
        ("presets", "edsr-x4"),
        ("runs docs", "There is no run in docs."),
        ("compare --help", "PAGE"),
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


def test_names_of_runs_are_whole_in_a_pipe(tmp_path, capsys):
    name = "edsr-with-a-long-name-" + "x" * 90
    RunFolder(tmp_path / name).begin({"trainer": "PreTrainer"})
    (tmp_path / name / "checkpoints").mkdir(exist_ok=True)
    assert cli.main(["runs", str(tmp_path)]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if name in line]
    assert "PreTrainer" in line and "0 of 0" in line


def test_decoders_lines_do_not_reach_the_terminal(tmp_path, weights, cat, capfd):
    deep = cv2.imencode(".png", cat[:30, :40].astype(np.uint16) * 257)[1].tobytes()
    damaged = bytearray(deep)
    damaged[len(deep) // 2] ^= 255
    (tmp_path / "damaged.png").write_bytes(damaged)
    with silenced_libraries():
        os.write(2, b"a library's line")
        print("srkit's own line", file=sys.stderr)
    assert cli.main(["upscale", str(tmp_path / "damaged.png"), "--model", weights]) in (0, 1)
    error = capfd.readouterr().err
    assert "libpng" not in error and "a library's line" not in error
    assert "srkit's own line" in error


def test_silence_ends_with_the_command():
    code = (
        "import os, sys\nfrom srkit.cli.quiet import silenced_libraries\n"
        "with silenced_libraries():\n    os.write(2, b'hidden ')\n    print('shown', file=sys.stderr)\n"
        "os.write(2, b'and again')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr == "shown\nand again"
