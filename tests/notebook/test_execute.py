import json

import nbformat
import pytest

from srkit import InputError, models, save_weights
from srkit.notebook import execute as walkthrough


@pytest.fixture
def notebook(tmp_path):
    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "in.ipynb")
        return tmp_path / "in.ipynb"

    return write


def test_parameters_are_set_from_outside_and_said(monkeypatch, capsys):
    monkeypatch.setenv("SRKIT_PARAMETERS", json.dumps({"STEPS": 3, "OTHER_NOTEBOOKS": 1}))
    parameters = {"STEPS": 100, "SEED": 0}
    walkthrough.override(parameters)
    assert parameters == {"STEPS": 3, "SEED": 0}
    assert "STEPS = 3, set from outside" in capsys.readouterr().out


def test_executed_notebook_is_saved_with_outputs(notebook, tmp_path):
    source = notebook(
        "STEPS = 1", "from srkit.notebook.execute import override\noverride(globals())", "print(STEPS * 7)"
    )
    walkthrough.execute(source, tmp_path / "out.ipynb", {"STEPS": 6})
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs[0].text == "42\n"


def test_failing_notebook_is_saved_and_named(notebook, tmp_path):
    with pytest.raises(InputError, match=r"in\.ipynb failed: ZeroDivisionError"):
        walkthrough.execute(notebook("1 / 0"), tmp_path / "out.ipynb", {})
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[0].outputs[0].ename == "ZeroDivisionError"


def test_notebooks_run_on_their_own_weights_or_on_presets(tmp_path, monkeypatch, capsys):
    save_weights(models.edsr(2, filters=4, num_blocks=1), tmp_path / "best.weights.h5")
    assert walkthrough.load_trained(tmp_path / "best.weights.h5", "unused").name == "edsr"
    monkeypatch.setattr(walkthrough, "load_model", lambda name: name)
    assert walkthrough.load_trained(tmp_path / "none.weights.h5", "srgan-x4") == "srgan-x4"
    assert "the preset srgan-x4 takes its place" in capsys.readouterr().out
