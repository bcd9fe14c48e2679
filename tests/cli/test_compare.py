import subprocess
import sys
import webbrowser

import numpy as np
import pytest
from PIL import Image

from srkit import cli
from srkit.image import interpolate, write_image
from srkit.inference import watching


@pytest.fixture
def pair(tmp_path, cat):
    write_image(tmp_path / "a photo.png", cat)
    write_image(tmp_path / "large.jpg", interpolate(cat, 4))
    return str(tmp_path / "a photo.png"), str(tmp_path / "large.jpg")


def test_compare_writes_a_page_without_tensorflow(pair, tmp_path):
    code = (
        "import sys\nfrom srkit import cli\n"
        f"assert cli.main(['compare', *{pair}]) == 0\n"
        "assert not {'tensorflow', 'keras', 'matplotlib', 'scipy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == str(tmp_path / "large_compared.html")
    text = (tmp_path / "large_compared.html").read_text("ascii")
    assert "before: a photo.png (451x300 px) and after: large.jpg (1804x1200 px)" in text
    assert text.count('class="srkit-compare"') == 2


def test_a_page_can_be_opened_and_is_not_replaced(pair, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or len(opened) == 1)
    arguments = ["compare", *pair, "-o", str(tmp_path / "my page.html"), "--zoom", "0", "0", "50"]
    assert cli.main([*arguments, "--open"]) == 0
    assert opened == [(tmp_path / "my page.html").as_uri()]
    assert "the 50x50 px from 0 px down and 0 px across" in (tmp_path / "my page.html").read_text("ascii")
    assert cli.main(arguments) == 1
    assert "already there" in capsys.readouterr().err
    assert cli.main([*arguments, "--open", "--overwrite"]) == 0
    assert "no browser was found: open" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["-o", "page.jpg"], "must end in .html"), (["--zoom", "0", "0", "5000"], "is not inside")],
)
def test_what_cannot_be_compared_is_one_line(pair, arguments, message, capsys):
    assert cli.main(["compare", *pair, *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error and len(error.strip().splitlines()) == 1


def test_upscale_compares_all_photographs_of_a_run(photos, weights, tmp_path, capsys):
    grey = np.dstack([np.arange(0, 60_000, 100, np.uint16).reshape(20, 30)])[..., 0]
    Image.fromarray(grey).save(photos / "deep.png")
    Image.fromarray(np.full((20, 30, 4), 200, np.uint8)).save(photos / "clear.png")
    page = tmp_path / "page.html"
    arguments = ["upscale", str(photos), "-o", str(tmp_path / "large"), "--model", weights, "--compare", str(page)]
    assert cli.main(arguments) == 0
    shown = [line for line in page.read_text("ascii").splitlines() if line.startswith("<h2>")]
    assert sorted(shown) == sorted(f"<h2>{path}</h2>" for path in photos.rglob("*.*"))
    assert "photograph (30x20 px) and upscaled (60x40 px)" in page.read_text("ascii")
    assert cli.main(arguments) == 1
    assert "page.html is already there" in capsys.readouterr().err
    write_image(photos / "new.png", np.zeros((9, 9, 3), np.uint8))
    assert cli.main([*arguments, "--skip-existing"]) == 0
    assert page.read_text("ascii").count("<h2>") == 6
    assert cli.main(["upscale", str(photos), "--open"]) == 1
    assert "add --compare" in capsys.readouterr().err


def test_watch_ends_by_ctrl_c(photos, weights, tmp_path, monkeypatch, capsys):
    def sleep(_):
        if (photos / "a_x2.png").exists():
            raise KeyboardInterrupt

    monkeypatch.setattr(watching.time, "sleep", sleep)
    monkeypatch.setattr(watching, "_STILL_SECONDS", 0)
    page = tmp_path / "page.html"
    assert cli.main(["upscale", str(photos), "--watch", "--model", weights, "--compare", str(page)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Watching {photos}; Ctrl-C ends."
    assert str(photos / "a_x2.png") in lines and lines[-2:] == ["3 upscaled, 0 skipped, 0 failed", str(page)]
    assert page.read_text("ascii").count("<h2>") == 3
    assert cli.main(["upscale", str(photos), "--watch", "--overwrite"]) == 1
    assert "leave --overwrite out" in capsys.readouterr().err
