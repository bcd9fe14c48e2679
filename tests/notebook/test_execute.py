import nbformat
import pytest

from srkit import InputError
from srkit.notebook import demo, run_demo
from srkit.notebook.execute import execute, notebooks_dir


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


def test_progress_bars_are_no_red_text_in_a_notebook(notebook, tmp_path):
    source = notebook(
        "from tqdm import tqdm\nfrom srkit.progress import bar_stream\nlist(tqdm([1], file=bar_stream()))"
    )
    execute(source, tmp_path / "out.ipynb", {})
    names = {output.get("name") for output in nbformat.read(tmp_path / "out.ipynb", 4).cells[0].outputs}
    assert "stdout" in names and "stderr" not in names


def test_notebooks_are_as_jupyter_writes_them():
    for path in notebooks_dir().glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert nbformat.writes(nbformat.reads(text, 4)) == text.rstrip("\n"), path.name
        assert "set from outside" not in text


def test_demo_says_where_it_is_and_what_to_open(notebook, tmp_path, monkeypatch, capsys):
    cells = ["import time", "time.sleep(0.5)", "open('scores.txt', 'w').write('scores')"]
    (tmp_path / "source").mkdir()
    for name in ("01_data", "04_compare"):
        notebook(*cells).rename(tmp_path / "source" / f"{name}.ipynb")
    monkeypatch.setattr(demo, "notebooks_dir", lambda: tmp_path / "source")
    monkeypatch.setattr(demo, "_SECONDS_BETWEEN_LINES", 0.1)
    run_demo(tmp_path / "out")
    lines = capsys.readouterr().out
    assert "s: cell 2 of 3" in lines
    assert f"Open {tmp_path / 'out' / 'photo_x4.html'}" in lines
