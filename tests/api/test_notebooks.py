"""The notebooks of docs/ are what they show: executed from the first cell to the last."""

import os

import pytest
from support import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("KERAS_BACKEND", os.environ["KERAS_BACKEND"])
    notebook = nbformat.read(path, as_version=4)
    shown = [[set(output.get("data", ())) for output in cell.get("outputs", ())] for cell in notebook.cells]
    context = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", resources=context).execute()
    widget = "application/vnd.jupyter.widget-view+json"  # where anywidget is installed, beside what is stored
    again = [[set(output.get("data", ())) - {widget} for output in cell.get("outputs", ())] for cell in notebook.cells]
    assert [kinds[-1:] for kinds in again] == [kinds[-1:] for kinds in shown]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_stored_executed_and_small(path):
    import json

    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert path.stat().st_size < 600_000 and str(ROOT) not in path.read_text(encoding="utf-8")
