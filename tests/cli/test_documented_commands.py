"""The commands in the documentation are ones that the command line takes."""

import json
import re
import shlex
from pathlib import Path

import pytest

from srkit import cli

ROOT = Path(__file__).parents[2]
TEXTS = [ROOT / "README.md", ROOT / "weights/README.md", *sorted(ROOT.glob("docs/*.md"))]
TEXTS += sorted(ROOT.glob("notebooks/*.ipynb"))


def text_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
    return text


def commands(path: Path) -> list[str]:
    """The commands in fenced blocks and in code between backticks, each in one line."""
    text = text_of(path)
    fence = r"```\w*\n(.*?)```"
    fenced = "\n".join(re.findall(fence, text, re.DOTALL)).replace("\\\n", " ")
    inline = re.sub(fence, "", text, flags=re.DOTALL)
    found = re.findall(r"python -m srkit( .+)", fenced) + re.findall(r"`python -m srkit( [^`]+)`", inline)
    common = re.search(r"`OPTIONS` are `([^`]+)`", text)
    return [line.replace("OPTIONS", common[1] if common else "OPTIONS") for line in found if "…" not in line]


@pytest.mark.parametrize(
    "command",
    [pytest.param(line, id=f"{path.stem}-{index}") for path in TEXTS for index, line in enumerate(commands(path))],
)
def test_documented_command_is_taken(command):
    words = shlex.split(command, comments=True)
    assert cli._parser().parse_args(words)
