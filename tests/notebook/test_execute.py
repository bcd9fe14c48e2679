import nbformat
import pytest

from srkit import InputError
from srkit.notebook.execute import execute


@pytest.fixture
def notebook(tmp_path):
    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "in.ipynb")
        return tmp_path / "in.ipynb"

    return write


def test_executed_notebook_is_saved_with_outputs(notebook, tmp_path):
    source = notebook("STEPS = 1", "from srkit.notebook import override\noverride(globals())", "print(STEPS * 7)")
    execute(source, tmp_path / "out.ipynb", {"STEPS": 6})
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs[0].text == "42\n"


def test_failing_notebook_is_saved_and_named(notebook, tmp_path):
    with pytest.raises(InputError, match=r"in\.ipynb failed: ZeroDivisionError"):
        execute(notebook("1 / 0"), tmp_path / "out.ipynb", {})
    assert nbformat.read(tmp_path / "out.ipynb", 4).cells[0].outputs[0].ename == "ZeroDivisionError"
