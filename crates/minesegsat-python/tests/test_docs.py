"""The examples of the documentation and the notebook run."""

import doctest
import re

import minesegsat
import minesegsat.errors
import pytest
from conftest import ROOT


def test_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) > 4
    names: dict = {}
    parser, failures = doctest.DocTestParser(), []
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    for block in blocks:
        if ">>>" not in block:  # Needs a cluster.
            compile(block, "docs/python.md", "exec")
            continue
        test = parser.get_doctest(block, names, "docs/python.md", None, None)
        assert test.examples, block
        runner.run(test, clear_globs=False, out=failures.append)
        names.update(test.globs)
    assert not failures, "".join(failures)


def test_the_examples_in_the_package_run():
    assert doctest.testmod(minesegsat).failed == 0


def test_every_public_name_has_a_text():
    assert [name for name in minesegsat.__all__ if name != "__version__" and not getattr(minesegsat, name).__doc__] == []


def test_the_notebook_runs(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(ROOT / "docs" / "python.ipynb", as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    texts = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any(" ha" in text for text in texts)
