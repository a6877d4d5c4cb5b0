"""`shoal report`: text, JSON, figures, and errors that help."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
import yaml
from test_commands import shoal as run

import shoal


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack("!II", data[16:24])
    return width, height


@pytest.fixture
def study(folder: Path) -> str:
    space = {
        "lr": shoal.loguniform(1e-4, 1.0),
        "act": ["relu", "tanh"],
        "momentum": shoal.uniform(0, 1).when(act="relu"),
    }
    with shoal.Study(space, search="random", seed=0, store="shoal.db", name="mine") as study:
        for k in range(30):
            trial = study.ask()
            loss = abs(trial.params["lr"] - 0.01) + (trial.params["act"] == "tanh")
            for step in range(3):
                study.report(trial, step, loss=loss + 1 / (step + 1))
            study.tell(trial, ValueError("no") if k == 4 else {"loss": loss, "cost": 1 / trial.params["lr"]})
    return "mine"


def test_a_report_tells_the_best_what_matters_and_where_its_figures_are(study: str) -> None:
    said = run("report", study, "-o", "out", "--pareto", "cost=minimize")
    best = shoal.Study.open(study).best
    assert f"Best loss: {best.value:.6g} (trial {best.number})" in said
    assert "29 done" in said
    rows = [line.split()[0] for line in said[said.index("What loss depends on") :].splitlines()[2:5]]
    assert rows[0] == "act"
    names = ["optimization_history", "intermediate_values", "pareto_front", "importances", "partial_dependence_loss",
             "importances_cost", "partial_dependence_cost"]  # fmt: skip
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(f"{name}.png" for name in names)
    assert all(min(size(Path("out") / f"{name}.png")) > 300 for name in names)


def test_a_plot_file_sets_the_looks(study: str) -> None:
    Path("plot.yml").write_text(yaml.safe_dump({"optimization_history": {
        "rcparams": {"figure.dpi": 50, "figure.figsize": [4, 2], "figure.autolayout": True, "backend": "ps"},
        "set_yscale": "log", "set_ylim": [0.001, 10], "save_path": "elsewhere"}}))  # fmt: skip
    run("report", study, "-o", "out", "-p", "plot.yml")
    assert size(Path("elsewhere/optimization_history.png")) == (200, 100)
    assert not Path("out/optimization_history.png").exists()
    assert Path("out/importances.png").exists()


def test_json_tells_all_and_no_figures_are_drawn_where_none_are_wanted(study: str, folder: Path) -> None:
    told = json.loads(run("report", "--json", "--no-plot", "--pareto", "cost=minimize"))
    assert told["files"] == []
    assert not list(folder.rglob("*.png"))
    assert told["best"]["value"] == shoal.Study.open(study).best.value
    assert next(iter(told["importances"]["loss"]["fanova"])) == "act"
    assert {one["number"] for one in told["pareto"]} >= {told["best"]["number"]}


@pytest.mark.parametrize(
    ("plot", "complaint"),
    [
        ("optimisation_history: {}", "unknown figure 'optimisation_history'; did you mean 'optimization_history'?"),
        ("importances: {rcparams: {lines.markersise: 4}}", "did you mean 'lines.markersize'?"),
        ("importances: {rcparams: {lines.markersize: big}}", "rcparams: lines.markersize:"),
        ("importances: {set_xscale: cubic}", "importances, set_xscale: invalid enum value 'cubic'"),
        ("importances: {set_xlim: [1]}", "importances, set_xlim: expected array of length 2"),
        ("importances: {title: x}", "importances, its settings: object contains unknown field title"),
        ("[1, 2]", "a plot file is a mapping of figures to settings"),
    ],
)
def test_mistakes_in_a_plot_file_get_an_error_that_helps(study: str, plot: str, complaint: str) -> None:
    Path("plot.yml").write_text(plot)
    said = run("report", study, "-p", "plot.yml", status=1)
    assert complaint in said
    assert "Traceback" not in said


def test_what_cannot_be_reported_is_said(study: str) -> None:
    assert "unknown goal 'up'" in run("report", study, "--pareto", "cost=up", status=1)
    assert "write the metric and its goal" in run("report", study, "--pareto", "cost", status=1)
    assert "--model fills in a model configuration" in run("report", study, "-m", "model.yml", status=1)
    with shoal.Study({"x": (0.0, 1.0)}, store="shoal.db", name="few") as few:
        few.ask()
        assert "has no finished trial yet" in run("report", "few", status=1)
        few.tell(few.ask(), 1.0)
    assert "importances of 'loss' need 10 trials that are done with it; there are 1" in run(
        "report", "few", "--no-plot"
    )
    Path("taken").write_text("a file")
    assert "cannot write taken" in run("report", study, "-o", "taken", status=1)
