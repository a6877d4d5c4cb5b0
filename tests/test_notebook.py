"""Functions defined in a notebook are tuned by several peers; run in a real kernel."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

CELLS = [
    "import shoal\nscale = 3.0",
    "def train(params):\n    for epoch in range(2):\n        yield {'loss': scale * params['x'] ** 2}",
    "study = shoal.tune(train, {'x': (-1.0, 1.0)}, trials=6, workers=2, name='cells', seed=0)",
    "print(len(study.trials), study.best.value == scale * study.best.params['x'] ** 2)",
]


def test_a_notebook_tunes_its_own_functions() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    assert notebook.cells[-1].outputs[0].text == "6 True\n"
