"""Runs the examples in docstrings: `>>>` as doctests, fenced blocks with photographs and a small model at hand."""

import ast
import dataclasses
import doctest
import importlib
import re
import shutil
import textwrap
from pathlib import Path
from unittest.mock import MagicMock, create_autospec

import matplotlib.pyplot as plt
import numpy as np
import pytest

import srkit
from srkit import classical, data, evaluation, image, inference, losses, models, notebook, training
from srkit.image import downscale, write_image

PACKAGE = Path(srkit.__file__).parent
PUBLIC = {
    name: getattr(package, name)
    for package in (classical, data, evaluation, image, inference, losses, models, notebook, training)
    for name in package.__all__
}


def module_of(path: Path) -> str:
    return ".".join(("srkit", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def examples() -> list:
    """Each fenced block of a docstring, with its module."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                text = textwrap.dedent(ast.get_docstring(node) or "")
                for code in re.findall(r"^ *```python\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
                    name = f"{module_of(path)}.{getattr(node, 'name', '')}"
                    found.append(pytest.param(module_of(path), textwrap.dedent(code), id=name))
    return found


def face_pairs(hr: np.ndarray) -> evaluation.recognition.FacePairs:
    """Four pairs in two folds, of parts of a photograph."""
    faces = np.stack([hr[20 * row : 20 * row + 40, column : column + 40] for row in range(4) for column in (0, 80)])
    first, second = np.arange(8).reshape(2, 4)
    same, fold = np.array([True, False, True, False]), np.array([0, 0, 1, 1])
    return evaluation.recognition.FacePairs(faces, [str(index) for index in range(8)], first, second, same, fold)


@pytest.fixture(scope="session")
def files(tmp_path_factory, cat) -> Path:
    """A folder with the files that the examples take for granted."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("photo.jpg", "photo.tif", "photos/a.png"):
        write_image(folder / name, cat[:8, :240])
    write_image(folder / "Set5" / "a.png", cat[:80, :80])
    for index in range(3):
        original = np.roll(cat, 40 * index, axis=1)[:300, :448]
        write_image(folder / f"holidays/{index}.png", original)
        write_image(folder / f"camera/sharp/{index}.png", original)
        write_image(folder / f"camera/small/{index}.png", downscale(original, 4))
    return folder


@pytest.fixture
def at_hand(tmp_path, monkeypatch, cat, files, samples, vgg_weights):
    """What the examples take for granted: files in the current folder, and values by the names used in this kit."""
    shutil.copytree(files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRKIT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SRKIT_VGG19_WEIGHTS", str(vgg_weights))
    # Trainers are built, and their arguments checked, but they do not train for thousands of steps.
    monkeypatch.setattr(training.Trainer, "train", create_autospec(training.Trainer.train, return_value=[]))
    monkeypatch.setitem(data.SOURCES, "stanford_dogs", lambda **options: samples)
    hr = cat[:160, :160]
    lr = downscale(hr, 4)
    train, valid = samples
    model = models.edsr(4, filters=4, num_blocks=1)
    yield {
        **{
            "lr": lr,
            "hr": hr,
            "sr": hr,
            "hrs": hr[None],
            "srs": hr[None],
            "model": model,
            "train": train,
            "valid": valid,
            "pairs": face_pairs(hr),
        },
        **{"trainer": MagicMock(), "dataclasses": dataclasses, "np": np, "srkit": srkit},
    }
    plt.close("all")


@pytest.mark.parametrize("module, code", examples())
@pytest.mark.filterwarnings("ignore")
def test_example_runs(module, code, at_hand):
    exec(code, {**PUBLIC, **vars(importlib.import_module(module)), **at_hand})


WITH_DOCTESTS = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_DOCTESTS, ids=module_of)
def test_doctests(path):
    result = doctest.testmod(importlib.import_module(module_of(path)))
    assert result.attempted and not result.failed
