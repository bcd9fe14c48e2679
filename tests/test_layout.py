"""The rules that keep the kit readable."""

import ast
import graphlib
import json
import re
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "srkit"

# From the bottom; a module imports from its own package and from those before. In one line: beside each other.
LEVELS = [
    {"errors", "lazy", "options", "progress"},
    {"backend", "devices", "files"},
    {"image"},
    {"classical"},
    {"models"},
    {"losses", "data"},
    {"inference"},
    {"evaluation"},
    {"exporting", "training"},
    {"notebook"},
    {"cli"},
    {"__init__", "__main__"},
]
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """`models.layers`, or `models` for a package's `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


KNOWN = {name_of(path) for path in MODULES}


def imports(path: Path) -> set[str]:
    """The modules of srkit that a file imports, anywhere in it and in whatever way."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "srkit":
            module = node.module.removeprefix("srkit").removeprefix(".")
            inside = {".".join(filter(None, [module, alias.name])) for alias in node.names}
            found |= {name if name in KNOWN else module for name in inside} - {""}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("srkit.") for alias in node.names if alias.name.startswith("srkit.")}
    return found


def level(module: str) -> int:
    package = module.split(".")[0]
    return next(index for index, packages in enumerate(LEVELS) if package in packages)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_downwards_only(path):
    module = name_of(path)
    for name in imports(path):
        inside = name.split(".")[0] == module.split(".")[0]
        assert inside or level(name) < level(module), f"{module} imports {name}"


def test_modules_of_a_package_form_no_circle():
    graph = {name_of(path): imports(path) for path in MODULES if path.name != "__init__.py"}
    graphlib.TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def length(function: ast.FunctionDef) -> int:
    """Its lines, but for those of its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    documented = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - documented


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_functions_and_constructors_are_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS):
            assert length(node) <= 60, f"{node.name} is too long"
            if node.name == "__init__":
                parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                assert len(parameters) - 1 <= 8, "the constructor has too many parameters"


def test_the_trainers_can_be_read_in_one_sitting():
    files = (PACKAGE / "training" / f"{name}.py" for name in ("trainer", "pre_trainer", "gan_trainer"))
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files) < 400


ANY_BACKEND = sorted(
    [
        *(PACKAGE / "models").rglob("*.py"),
        *(PACKAGE / "losses").rglob("*.py"),
        *(PACKAGE / "training" / f"{name}.py" for name in ("muon", "optimizers", "schedules", "weight_average")),
    ]
)


@pytest.mark.parametrize("path", ANY_BACKEND, ids=name_of)
def test_models_and_losses_run_on_any_backend(path):
    assert "import tensorflow" not in path.read_text(encoding="utf-8")


def test_the_readmes_map_of_the_code_is_right():
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Read: the code")[2]
    rows = re.findall(r"^\| (?:`(\w+)/`)? *\|[^|]*\|([^|]*)\|$", section, re.MULTILINE)
    assert {folder for folder, _ in rows} >= {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    for folder, names in rows:
        for name in re.findall(r"`([\w/.]+)`", names):
            assert (PACKAGE / folder / name).exists(), f"{folder}/{name}"


DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless", "lazy_loader": "lazy-loader"}


@pytest.mark.parametrize("path", [path for path in MODULES if path.parent.name != "notebook"], ids=name_of)
def test_packages_that_are_always_imported_are_in_the_core(path):
    tomllib = pytest.importorskip("tomllib")  # since Python 3.11
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [node.module] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for package in {name.split(".")[0] for name in names} - {"srkit", *sys.stdlib_module_names}:
            assert DISTRIBUTIONS.get(package, package) in core


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


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(ROOT.glob("*/*.md"))], ids=lambda path: path.stem)
def test_no_page_has_both_sides_of_a_merge(path):
    assert not re.search(r"^(<{7}|>{7}) ", path.read_text(encoding="utf-8"), re.MULTILINE)
