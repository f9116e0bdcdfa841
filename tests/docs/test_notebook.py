"""The notebook of the five-minute start runs from top to bottom in a fresh kernel."""

import json
import sys

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from pages import ROOT

PATH = ROOT / "docs" / "start.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        cell.source = cell.source.replace("limit=20", "limit=1")
    assert "limit=1," in notebook.cells[2].source
    monkeypatch.setenv("HOME", str(tmp_path))
    manager = AsyncKernelManager(kernel_name="python3")
    manager._kernel_spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    )
    NotebookClient(
        notebook, km=manager, timeout=250, resources={"metadata": {"path": tmp_path}}
    ).execute()
    printed = json.dumps([cell.get("outputs", []) for cell in notebook.cells])
    assert "105 programs" in printed
    assert "oracle" in printed


def test_the_notebook_is_stored_without_outputs():
    notebook = nbformat.read(PATH, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
