"""The papers' tables with the kit's scores beside them, made of stored results, so that no digit is typed."""

import functools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from srkit.errors import InputError
from srkit.evaluation.protocols import get_protocol
from srkit.evaluation.report import markdown_table
from srkit.files import write_atomically
from srkit.image import get_degradation

SETS = ("Set5", "Set14", "B100", "Urban100", "DIV2K")

_OTHER_NAMES = {"BSD100": "B100", "BSDS100": "B100"}
_BLOCK = re.compile(r"(<!-- scores: ([\w ]+) -->\n).*?(<!-- end of scores -->)", re.DOTALL)
_JPEGS = {"clean": "clean", "jpeg90": "JPEG q90", "jpeg75": "q75", "jpeg40": "q40"}

Scores = dict[tuple[int, str], dict[str, tuple[float, float]]]  # for each scale and set: each model's PSNR and SSIM


def fill_page(page: "str | os.PathLike") -> int:
    """Makes the tables of a Markdown page anew.

    They stand between lines `<!-- scores: NAME -->` and `<!-- end of scores -->`, where NAME is `x2`, `x3` or `x4` for
    the published scores and the kit's, `srgan` for those of SRGAN's paper, `peers Set5` or `peers Set14` for other
    projects' networks, or `sources`.
    The kit's scores are those of all `.json` files in the folder `scores` beside the page, which `benchmark --json`
    has written.

    Args:
        page: Path of the page, which is changed.

    Returns:
        The number of tables.

    Raises:
        InputError: The page has no such lines, or a file is no result of the papers' protocol.
    """
    page = Path(page)
    text = page.read_text(encoding="utf-8")
    tables = _tables(read_scores(page.parent / "scores"))

    def block(match: re.Match) -> str:
        if match[2] not in tables:
            raise InputError(f"{page}: there is no table {match[2]!r}: use one of {', '.join(tables)}.")
        return f"{match[1]}\n{tables[match[2]]()}\n\n{match[3]}"

    filled, count = _BLOCK.subn(block, text)
    if not count:
        raise InputError(
            f"{page} has no place for a table: give it the lines <!-- scores: x4 --> and <!-- end of scores -->."
        )
    write_atomically(page, lambda file: file.write(filled.encode()))
    return count


def read_scores(folder: "str | os.PathLike") -> Scores:
    """The scores in a folder of results, as `benchmark --json` writes them.

    Raises:
        InputError: A file is no such result, or not by the protocol of the papers' tables: the Y channel, as many
            pixels cut as the scale, LR by the bicubic kernel; for DIV2K RGB, and 6 pixels more. Or two files differ.
    """
    scores: Scores = {}
    for path in sorted(Path(folder).glob("*.json")):
        try:
            result = json.loads(path.read_text(encoding="utf-8"))
            scale, name = result["scale"], _set_of(result["data"])
            means = {row["model"]: (row["mean"]["psnr"], row["mean"]["ssim"]) for row in result["models"]}
            protocol = result["protocol"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(f"{path} is no result of benchmark --json with PSNR and SSIM.") from None
        if name is None:
            raise InputError(f"{path}: the images are of none of {', '.join(SETS)}: take it out of the folder.")
        expected = get_protocol("div2k", scale, "rgb") if name == "DIV2K" else get_protocol("edsr", scale)
        expected = f"x{scale}, LR by {get_degradation('bicubic', scale).description}, {expected}"
        if expected not in protocol:
            raise InputError(f"{path} is not by the protocol of the papers' tables; expected {expected}.")
        known = scores.setdefault((scale, name), {})
        for model, mean in means.items():
            if known.setdefault(model, mean) != mean:
                raise InputError(f"{path} has other scores of {model} on {name} x{scale} than a file before it.")
    return scores


def _set_of(data: str) -> str | None:
    """The test set of a result, by the folder's name."""
    names = "|".join([*SETS, *_OTHER_NAMES])
    found = re.search(rf"(?<!\w)({names})(?![^\W_])", data)
    return found and _OTHER_NAMES.get(found[1], found[1])


@functools.cache
def _published() -> dict:
    return json.loads(Path(__file__).with_name("published.json").read_text(encoding="utf-8"))


def _tables(scores: Scores) -> dict[str, Callable[[], str]]:
    return {
        **{f"x{scale}": functools.partial(_by_scale, scale, scores) for scale in (2, 3, 4)},
        "srgan": lambda: _srgan(scores),
        **{f"peers {name}": functools.partial(_peers, name) for name in _published()["peers"]["sets"]},
        "sources": _sources,
    }


def _by_scale(scale: int, scores: Scores) -> str:
    """The published rows of a scale, below each the kit's, and the kit's other models."""
    models = {model for (at, _), means in scores.items() if at == scale for model in means}
    rows, shown = [], set()
    for method, published in _published()["methods"].items():
        cells = published.get(f"x{scale}", {})
        own = [name for name in _kits(published, scale) if name in models]
        marks = {name: " *" for name in SETS if f"x{scale}/{name}" in published.get("unconfirmed", ())}
        if cells:
            rows.append([method, "published", *(_cell(cells.get(name)) + marks.get(name, "") for name in SETS)])
        for model in own:
            rows.append(["" if cells else method, f"`{model}`", *_own_cells(model, scale, scores)])
        shown |= set(own)
    rows += [["others", f"`{model}`", *_own_cells(model, scale, scores)] for model in sorted(models - shown)]
    return markdown_table(["method", "", *SETS], rows, num_names=2)


def _srgan(scores: Scores) -> str:
    """SRGAN's table: PSNR, SSIM of another implementation, mean opinion; and the PSNR of the kit's models."""
    sets, rows = SETS[:3], []
    for method, published in _published()["srgan"]["x4"].items():
        cells = (_cell(published.get(name), (2, 4, 2)) for name in sets)
        rows.append(["original" if method == "HR" else method, "published", *cells])
        for model in _kits(published, 4):
            means = [scores.get((4, name), {}).get(model) for name in sets]
            if any(means):
                rows.append(["", f"`{model}`", *(f"{mean[0]:.2f}" if mean else "" for mean in means)])
    return markdown_table(["method", "", *sets], rows, num_names=2)


def _peers(name: str) -> str:
    rows = [
        [
            model,
            row["parameters"],
            "" if row["cpu_seconds"] is None else f"{row['cpu_seconds']:.2f}",
            *(_cell(row[kind], (2, 4, 4)) for kind in _JPEGS),
        ]
        for model, row in _published()["peers"]["sets"][name].items()
    ]
    return markdown_table([name, "parameters", "CPU s", *_JPEGS.values()], rows)


def _sources() -> str:
    return "\n".join(f"- {method}: {row['source']}." for method, row in _published()["methods"].items())


def _kits(published: dict, scale: int) -> list[str]:
    """The kit's names for a method: `edsr+` is `edsr-x4+` at x4, or `edsr+` for a model of several scales."""
    names = published.get("kit", [])
    return [name for kit in names for name in (f"{kit.rstrip('+')}-x{scale}{'+' * kit.endswith('+')}", kit)]


def _own_cells(model: str, scale: int, scores: Scores) -> list[str]:
    return [_cell(scores.get((scale, name), {}).get(model)) for name in SETS]


def _cell(values: "list[float | None] | tuple | None", digits: tuple[int, ...] = (2, 4)) -> str:
    """Numbers with their digits, such as 28.42 / 0.8104; "-" where one of them is not published."""
    if not values or (values[0] is None and len(values) == 2):
        return ""
    numbers = ["-" if value is None else f"{value:.{places}f}" for value, places in zip(values, digits)]
    while numbers[-1] == "-":
        numbers.pop()
    return " / ".join(numbers)
