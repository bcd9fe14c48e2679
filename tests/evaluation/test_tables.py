import json
import shutil
from pathlib import Path

import pytest

from srkit import cli, evaluation
from srkit.errors import InputError
from srkit.evaluation.report import write_json
from srkit.evaluation.tables import read_scores

DOCS = Path(__file__).parents[2] / "docs"
PAGE = """# A page
<!-- scores: x4 -->
28.00, typed by hand
<!-- end of scores -->
In between.
<!-- scores: srgan -->
<!-- end of scores -->
"""


@pytest.fixture
def result(folder) -> dict:
    """What a benchmark of two interpolations gives on a folder with the name of a published test set."""
    data = folder.rename(folder.with_name("Set14"))
    return evaluation.benchmark(data, 4, ["bicubic", "lanczos"], metrics=["psnr", "ssim"])


@pytest.fixture
def page(result, tmp_path) -> Path:
    write_json(result, tmp_path / "docs/scores/Set14.json")
    path = tmp_path / "docs/page.md"
    path.write_text(PAGE)
    return path


def rows(text: str) -> dict[tuple[str, str], list[str]]:
    """The last cells of each row, by its first two."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {(first, second): rest for first, second, *rest in cells}


def test_the_documented_tables_are_those_of_the_stored_scores(tmp_path):
    page = Path(shutil.copy(DOCS / "tables.md", tmp_path))
    shutil.copytree(DOCS / "scores", tmp_path / "scores")
    evaluation.fill_page(page)
    assert page.read_text(encoding="utf-8") == (DOCS / "tables.md").read_text(encoding="utf-8")


def test_a_page_gets_published_scores_and_the_kits_below(page, result, capsys):
    assert cli.main(["benchmark", "--table", str(page)]) == 0
    assert "2 tables" in capsys.readouterr().out
    text = page.read_text()
    assert "typed" not in text and "In between." in text
    whole, srgan = (rows(part) for part in text.split("In between."))
    assert whole["bicubic", "published"][:2] == ["28.42 / 0.8104", "26.00 / 0.7027"]
    assert whole["EDSR-baseline", "published"][4] == "28.95"  # no SSIM is published
    assert whole["SelfExSR", "published"][3].endswith("*")  # not confirmed
    for model in result["models"]:
        mean = model["mean"]
        name = f"`{model['model']}`"
        assert whole["", name] == ["", f"{mean['psnr']:.2f} / {mean['ssim']:.4f}", "", "", ""]
    assert list(whole).index(("", "`lanczos`")) == list(whole).index(("bicubic", "published")) + 2
    assert srgan["bicubic", "published"][1] == "25.99 / 0.7486 / 1.80"
    assert srgan["", "`bicubic`"] == ["", f"{result['models'][0]['mean']['psnr']:.2f}", ""]
    evaluation.fill_page(page)
    assert page.read_text() == text


def test_models_are_known_with_and_without_their_scale(page, result):
    means = {name: {"psnr": 30 + index, "ssim": 0.9} for index, name in enumerate(("edsr-x4+", "vdsr", "mine.keras"))}
    models = [{"model": name, "mean": mean} for name, mean in means.items()]
    scores = page.parent / "scores"
    scores.joinpath("more.json").write_text(json.dumps({**result, "models": models}))
    evaluation.fill_page(page)
    order = list(rows(page.read_text().split("In between.")[0]))
    for model, method in (("edsr-x4+", "EDSR-baseline"), ("vdsr", "VDSR")):
        assert order.index(("", f"`{model}`")) == order.index((method, "published")) + 1
    assert order[-1] == ("others", "`mine.keras`")


@pytest.mark.parametrize(
    "change, expected",
    [
        ({"models": []}, None),
        ({"models": None}, "no result"),
        ({"scale": None}, "no result|not by the protocol"),
        ({"data": "14 HR images of holidays"}, "of none of Set5"),
        ({"data": "14 HR images of Set141"}, "of none of Set5"),
        ({"data": "100 HR images of data/BSD100"}, None),
        ({"protocol": "edsr: x4, LR by JPEG"}, "protocol"),
        ({"data": "100 HR images of DIV2K_valid_HR"}, "expected x4.*RGB, border 10 px"),
        ({"models": [{"model": "bicubic", "mean": {"psnr": 1, "ssim": 0.5}}]}, "other scores of bicubic on Set14"),
        ({"models": [{"model": "bicubic", "mean": {"lpips": 1}}]}, "with PSNR and SSIM"),
    ],
)
def test_results_that_do_not_belong_in_the_tables_are_told(page, result, change, expected):
    (page.parent / "scores/another.json").write_text(json.dumps(result))
    (page.parent / "scores/changed.json").write_text(json.dumps({**result, **change}))
    if expected is None:
        read_scores(page.parent / "scores")
    else:
        with pytest.raises(InputError, match=f"changed.json.*({expected})"):
            read_scores(page.parent / "scores")


def test_div2k_is_scored_as_its_authors_do(folder, tmp_path):
    data = folder.rename(folder.with_name("DIV2K_valid_HR"))
    result = evaluation.benchmark(data, 2, protocol="div2k", channel="rgb", metrics=["psnr", "ssim"])
    write_json(result, tmp_path / "scores/a.json")
    assert list(read_scores(tmp_path / "scores")) == [(2, "DIV2K")]


def test_pages_without_a_place_for_tables_are_told(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    assert cli.main(["benchmark", "--table", str(page)]) == 1
    assert "no place for a table" in capsys.readouterr().err
    page.write_text("<!-- scores: x5 -->\n<!-- end of scores -->")
    with pytest.raises(InputError, match="no table 'x5': use one of x2, x3"):
        evaluation.fill_page(page)
    assert cli.main(["benchmark", "--table", str(tmp_path / "nowhere.md")]) == 1
