"""The rules that keep the kit readable."""

import ast
import json
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "srkit"

LEVELS = [  # a module imports from its own level and from those before
    {"errors", "quiet"},
    {"images", "photo", "resize", "layers", "precision", "distribution", "optimizers", "averaging", "presets"},
    {"models", "losses", "metrics", "cache", "data", "pairs"},
    {"receptive_field", "folding", "compiled", "validation", "trainer", "training", "inference", "weights", "runs"},
    {"enlarge", "batch_upscale", "benchmark", "benchmark_pairs", "benchmark_report", "plots", "walkthrough"},
    {"comparison", "uploads"},
    {"cli"},
    {"__init__", "__main__"},
]


def imports(path: Path) -> set[str]:
    """The modules of srkit that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "srkit":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("srkit."):
            found.add(node.module.split(".")[1])
    return found


def level(module: str) -> int:
    return next(index for index, modules in enumerate(LEVELS) if module in modules)


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_downwards_only(path):
    module = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert all(level(name) <= level(module) for name in imports(path))


ANY_BACKEND = [
    *(PACKAGE / f"{name}.py" for name in ("layers", "losses", "optimizers", "averaging")),
    *sorted((PACKAGE / "models").glob("*.py")),
]


@pytest.mark.parametrize("path", ANY_BACKEND, ids=lambda path: path.stem)
def test_models_and_losses_run_on_any_backend(path):
    assert "import tensorflow" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_notebooks_are_committed_as_agreed(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    lengths = [len([line for line in cell["source"] if line.strip()]) for cell in code]
    assert statistics.median(lengths) <= 7
    assert path.stat().st_size < 2_000_000
    outputs = [output for cell in code for output in cell["outputs"]]
    assert any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in outputs)
    assert not any(output["output_type"] == "error" for output in outputs)
    text = "".join("".join(cell["source"]) for cell in code)
    assert "class " not in text and "def " not in text
