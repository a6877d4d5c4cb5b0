"""Two YAML files and an objective.py, run as their user would."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pairs import MODEL, PARAMETERS, pair, shoal, training

import shoal as package
from conftest import wait_until

REPORTING = """
for epoch in range(6):
    trial.report(conf["optimizer"]["learning_rate"] + 1 / (epoch + 1), epoch)
    if trial.should_prune():
        raise optuna.TrialPruned()
return {"val_loss": conf["optimizer"]["learning_rate"]}
"""
NAN = "trial.report(float('nan'), 0)\nif trial.should_prune():\n    raise optuna.TrialPruned()"
LR = {"optimizer:learning_rate": PARAMETERS["optimizer:learning_rate"]}


def study(folder: Path, name: str = "pair") -> package.Study:
    return package.Study.open(name, str(folder / "test" / "pair.db"))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_documents_study_runs_and_every_result_is_a_column(folder: Path) -> None:
    said = shoal("tune", *pair(folder), "-w", "2", "-q")
    assert "num_dense: no place of that name in the model configuration; left to custom_updates(trial, conf)" in said
    assert "RandomSampler: Shoal's random" in said
    trials = study(folder).trials
    assert [trial.outcome for trial in trials] == ["done"] * 12
    for trial in trials:
        lr, layers = trial.params["lr"], trial.params["num_dense"]
        assert trial.metrics == {"val_loss": (lr - 0.003) ** 2 + layers, "val_accuracy": 1 - lr}
    rows = table(folder / "test" / "trial_results.csv")
    assert [int(row["trial"]) for row in rows] == list(range(12))
    assert [float(row["val_accuracy"]) for row in rows] == [trial.metrics["val_accuracy"] for trial in trials]
    assert {row["pruned"] for row in rows} == {"0"}
    parts = list((folder / "test" / "trial_results").iterdir())
    assert sum(len(table(part)) for part in parts) == 12


def test_relative_paths_are_those_beside_the_yaml_wherever_one_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = pair(folder / "project")
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    shoal("tune", *words, "-q", "--trials", "3")
    assert len(study(folder / "project").trials) == 3
    assert "Best val_loss" in shoal("report", words[0], "--no-plot")
    plot = folder / "project" / "plot.yml"
    plot.write_text(yaml.safe_dump({"optimization_history": {"save_path": "figures"}}))
    shoal("report", words[0], "-p", str(plot))
    assert (folder / "project" / "figures" / "optimization_history.png").exists()
    assert list((folder / "elsewhere").iterdir()) == []


def test_keys_lead_into_lists_and_text_needs_no_tokens(folder: Path) -> None:
    parameters = {
        "model:hidden_dims:1": {"type": "int", "settings": {"name": "units", "low": 1, "high": 9}},
        "model:activation": {"type": "categorical", "settings": {"name": "activation", "choices": ["relu", "tanh"]}},
        "model:hidden_dims:7": {"type": "int", "settings": {"name": "lost", "low": 1, "high": 2}},
    }
    body = """
assert conf["model"]["hidden_dims"] == [3, trial.params["units"], 141], conf
assert conf["model"]["activation"] == trial.suggest_categorical("activation", ["relu", "tanh"])
return {"val_loss": trial.params["units"] + len(conf["model"]["activation"])}
"""
    said = shoal("tune", *pair(folder, training(body), parameters=parameters), "-q")
    assert "model:hidden_dims:7: no place" in said
    assert {trial.outcome for trial in study(folder).trials} == {"done"}
    assert {trial.params["activation"] for trial in study(folder).trials} == {"relu", "tanh"}


def test_a_parameter_may_be_there_under_a_condition_alone(folder: Path) -> None:
    parameters = {
        "optimizer:type": {"type": "categorical", "settings": {"name": "opt", "choices": ["sgd", "adam"]}},
        "optimizer:learning_rate": {"type": "uniform", "when": {"optimizer:type": "sgd"},
                                    "settings": {"name": "lr", "low": 1.0, "high": 2.0}},
    }  # fmt: skip
    body = """
there = conf["optimizer"]["type"] == "sgd"
assert ("lr" in trial.params) is there
assert (conf["optimizer"]["learning_rate"] == 0.000631) is not there
return {"val_loss": conf["optimizer"]["learning_rate"]}
"""
    shoal("tune", *pair(folder, training(body), parameters=parameters), "-q")
    trials = study(folder).trials
    assert {trial.outcome for trial in trials} == {"done"}
    assert {("lr" in trial.params, trial.params["opt"]) for trial in trials} == {(True, "sgd"), (False, "adam")}


def test_trials_are_pruned_with_the_reason_and_one_that_never_asks_is_not(folder: Path) -> None:
    pruner = {"type": "MedianPruner", "n_startup_trials": 2, "n_warmup_steps": 1}
    shoal("tune", *pair(folder, training(REPORTING), parameters=LR, pruner=pruner, n_trials=20), "-q")
    trials = study(folder).trials
    stopped = [trial for trial in trials if trial.outcome == "stopped"]
    assert 2 <= len(stopped) <= 17
    assert all("is not among the best 50 %" in trial.reason for trial in stopped)
    deaf = REPORTING.replace("if trial.should_prune():", "if False:")
    words = pair(folder, training(deaf), parameters=LR, pruner=pruner, n_trials=20, name="deaf", storage="pair.db")
    shoal("tune", *words, "-q")
    assert {trial.outcome for trial in study(folder, "deaf").trials} == {"done"}


@pytest.mark.parametrize("asks", [True, False])
def test_trials_of_a_study_that_is_interrupted_are_paused_whether_they_ask_or_not(asks: bool, folder: Path) -> None:
    body = f"""
import pathlib, time
for epoch in range(400):
    time.sleep(0.05)
    trial.report(1 / (epoch + 1), epoch)
    pathlib.Path({str(folder / "begun")!r}).touch()
    if {asks} and trial.should_prune():
        raise optuna.TrialPruned()
return {{"val_loss": 0.0}}
"""
    words = pair(folder, training(body), parameters=LR, n_trials=1)
    running = subprocess.Popen([sys.executable, "-m", "shoal", "tune", *words, "-q", "--grace", "4"])
    wait_until((folder / "begun").exists, 60)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130
    assert [(trial.outcome, trial.value) for trial in study(folder).trials] == [("paused", None)]


def test_optunas_own_exception_prunes_as_well_where_it_is_installed(folder: Path) -> None:
    pytest.importorskip("optuna")
    code = training("raise optuna.TrialPruned('enough')").replace("import *", "import BaseObjective")
    shoal("tune", *pair(folder, f"import optuna\n{code}", parameters=LR, n_trials=2), "-q")
    assert [(trial.outcome, trial.reason) for trial in study(folder).trials] == [
        ("stopped", "the objective pruned it: enough")
    ] * 2


GRADIENT = """
weight, lr = 5.0, 10 ** -trial.params["digits"]
callback = PyTorchPruningCallback(trial, self.metric, interval=2)
for epoch in range(10):
    weight -= lr * 2 * weight
    callback(epoch, {"val_loss": weight ** 2} if epoch % 4 < 3 else None)
return {"val_loss": weight ** 2}
"""
TORCH = """
import torch
torch.manual_seed(0)
x = torch.randn(64, 4)
y = x.sum(1, keepdim=True)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=10 ** -trial.params["digits"])
callback = PyTorchPruningCallback(trial, "val_loss")
for epoch in range(10):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()
    optimizer.step()
    callback(epoch, loss)
return {"val_loss": loss.item()}
"""


@pytest.mark.parametrize(("loop", "every"), [(GRADIENT, 2), (TORCH, 1)], ids=["plain", "torch"])
def test_a_training_loop_of_ones_own_is_pruned_by_its_callback(folder: Path, loop: str, every: int) -> None:
    if "torch" in loop:
        pytest.importorskip("torch")
    parameters = {"digits": {"type": "uniform", "settings": {"name": "digits", "low": 0.5, "high": 6.0}}}
    words = pair(folder, training(loop), parameters=parameters, pruner={"type": "MedianPruner"}, n_trials=20)
    shoal("tune", *words, "-q")
    trials = study(folder).trials
    stopped = [trial for trial in trials if trial.outcome == "stopped"]
    assert 2 <= len(stopped) <= 17
    assert {trial.outcome for trial in trials} == {"done", "stopped"}
    assert all("is not among the best 50 %" in trial.reason for trial in stopped)
    steps = {report.step for trial in trials for report in trial.reports}
    assert steps == set(range(0, 10, every))
    done = [trial for trial in trials if trial.outcome == "done"]
    assert min(trial.params["digits"] for trial in stopped) > min(trial.params["digits"] for trial in done)


def test_a_callback_that_looks_at_no_whole_number_of_epochs_is_refused(folder: Path) -> None:
    body = "PyTorchPruningCallback(trial, 'val_loss', interval=0)"
    shoal("tune", *pair(folder, training(body), parameters=LR, n_trials=1), "-q", status=1)
    assert "interval must be a whole number of 1 or more, got 0" in study(folder).trials[0].reason


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        (NAN, "stopped", "nan at step 0"),
        ("raise optuna.TrialPruned('enough')", "stopped", "enough"),
        ("raise RuntimeError('CUDA out of memory. Tried to allocate 20 GiB')", "failed", "out of memory on cpu"),
        ("raise MemoryError", "failed", "out of memory on cpu: MemoryError"),
        ("return {'loss': 1.0}", "failed", "must return the metric 'val_loss' among its results; it returned loss"),
        ("return 0.5", "failed", "train must return a dict of results"),
        ("return {'val_loss': float('nan')}", "failed", "not a finite number"),
        ("trial.suggest_float('lrr', 0, 1)", "failed", "did you mean 'lr'?"),
        ("trial.suggest_float('lr', 0.0, 1.0)", "failed", "asks for uniform(0.0, 1.0), but the YAML says loguniform("),
        ("trial.suggest_float('lr', 1e-7, 0.01, log=True, base=2)", "failed", "unknown argument 'base'"),
        ("return {'val_loss': 1.0, 'lr': 5, 'curve': [1, 2]}", "done", ""),
    ],
)  # fmt: skip
def test_whatever_train_does_ends_its_trial_and_says_why(folder: Path, body: str, outcome: str, reason: str) -> None:
    words = pair(folder, training(body), parameters=LR, n_trials=1)
    shoal("tune", *words, "-q", status=0 if outcome != "failed" else 1)
    (trial,) = study(folder).trials
    assert trial.outcome == outcome
    assert reason in trial.reason
    if outcome == "done":
        assert trial.metrics == {"val_loss": 1.0, "result:lr": 5, "curve": "[1, 2]"}


def test_an_objective_may_override_save_and_take_more_arguments(folder: Path) -> None:
    code = """
from shoal.dialects.hyper_opt.base_objective import *

class Objective(BaseObjective):
    def __init__(self, study, config, metric="val_loss", device="cpu", extra=7):
        BaseObjective.__init__(self, study, config, metric, device)
        self.extra = extra
        assert study.study_name == "pair" and device == "cpu"

    def train(self, trial, conf):
        return {"val_loss": conf["optimizer"]["learning_rate"], "extra": self.extra}

    def save(self, trial, results_dict):
        return BaseObjective.save(self, trial, results_dict) + 1
"""
    shoal("tune", *pair(folder, code, parameters=LR, n_trials=2), "-q")
    for trial in study(folder).trials:
        assert trial.metrics == {"val_loss": trial.params["lr"] + 1, "extra": 7}


def test_enqueued_points_come_first_by_any_of_their_names(folder: Path) -> None:
    enqueue = [{"num_dense": 1, "learning_rate": 0.001}, {"lr": 0.002, "num_dense": 2}]
    shoal("tune", *pair(folder, enqueue=enqueue), "-q")
    first = [trial.params for trial in study(folder).trials[:2]]
    assert first == [{"num_dense": 1, "lr": 0.001}, {"num_dense": 2, "lr": 0.002}]


def test_reload_0_begins_no_study_that_is_there_and_reload_1_goes_on(folder: Path) -> None:
    shoal("tune", *pair(folder, reload=0, n_trials=3), "-q")
    said = shoal("tune", *pair(folder, reload=0, n_trials=5), "-q", status=1)
    assert "study 'pair' is there already, and the YAML says reload: 0. Set reload: 1 to go on with it" in said
    shoal("tune", *pair(folder, reload=1, n_trials=5), "-q")
    assert len(study(folder).trials) == 5


def test_the_command_line_overrides_the_yaml_and_the_objective_sees_it(folder: Path) -> None:
    body = """
assert conf["optuna"]["n_trials"] == 4 and conf["optuna"]["metric"] == "score", conf["optuna"]
return {"val_loss": 5.0, "score": conf["optimizer"]["learning_rate"]}
"""
    words = pair(folder, training(body), parameters=LR)
    shoal("tune", *words, "-q", "-n", "4", "-m", "score", "--goal", "maximize", "--name", "mine", "--search", "sobol",
          "--store", "other.db")  # fmt: skip
    mine = package.Study.open("mine", "other.db")
    assert [trial.outcome for trial in mine.trials] == ["done"] * 4
    assert mine.best.value == max(trial.metrics["score"] for trial in mine.trials)
    assert "Sobol" in mine.trials[2].why


def test_the_log_has_what_the_objective_logs(folder: Path) -> None:
    body = "import logging\nlogging.getLogger('mine').info('hello from %d', trial.number)\nreturn {'val_loss': 1.0}"
    shoal("tune", *pair(folder, training(body), {"log": {"save_path": "logs/log.txt"}}, parameters=LR), "-q", "-w", "2")
    text = (folder / "logs" / "log.txt").read_text()
    assert all(f"hello from {number}" in text for number in range(12))
    assert "Beginning trial 3" in text


def test_run_once_runs_one_trial_here_and_shows_its_prints_and_its_fault(folder: Path) -> None:
    words = pair(folder, training("print('I am', trial.number)\nreturn {'val_loss': 1.0}"), parameters=LR)
    for number in range(2):
        said = shoal("run-once", *words)
        assert f"I am {number}" in said
        assert f"trial {number} of study 'pair' is done" in said
    said = shoal("run-once", *pair(folder, training("raise ValueError('bad luck')"), parameters=LR), status=1)
    assert "Traceback" in said
    assert "ValueError: bad luck" in said
    assert [trial.outcome for trial in study(folder).trials] == ["done", "done", "failed"]


def test_run_once_knows_studies_of_shoal_as_well(folder: Path) -> None:
    Path("train.py").write_text("def train(params):\n    return params['x']\n")
    Path("mine.yaml").write_text(
        yaml.safe_dump({"objective": "train.py:train", "space": {"x": "(0.0, 1.0)"}, "trials": 2})
    )
    assert "trial 0 of study 'mine' is done" in shoal("run-once", "mine.yaml")
    assert "trial 1 of study 'mine' is done" in shoal("run-once", "mine")
    said = shoal("run-once", "mine", status=1)
    assert "study 'mine' has no trial left to run: all 2 trials have ended; ask for more of them (trials" in said


def test_several_metrics_have_a_front_and_every_one_a_column(folder: Path) -> None:
    body = """
lr = conf["optimizer"]["learning_rate"]
return {"val_loss": lr, "val_accuracy": lr * 2, "other": 1}
"""
    words = pair(
        folder, training(body), parameters=LR, metric=["val_loss", "val_accuracy"], n_trials=15,
        direction=["minimize", "maximize"], sampler={"type": "TPESampler", "n_startup_trials": 5, "seed": 2},
    )  # fmt: skip
    said = shoal("tune", *words, "-q")
    assert "TPESampler with several metrics: Shoal's pareto" in said
    assert all(trial.metrics.keys() == {"val_loss", "val_accuracy", "other"} for trial in study(folder).trials)
    said = shoal("report", *words[:1], "-k", "3")
    assert "15 of 15 trials are beaten by none in all of val_loss, val_accuracy" in said
    assert (folder / "test" / "pareto_front.png").stat().st_size > 10_000


def test_a_report_fills_the_best_params_into_the_model_configuration(folder: Path) -> None:
    hyper, model = pair(folder)
    shoal("tune", hyper, model, "-q")
    plot = {"optimization_history": {"set_yscale": "log", "set_xlim": [0, 20], "rcparams": {"lines.markersize": 4}}}
    Path("plot.yml").write_text(yaml.safe_dump(plot))
    said = shoal("report", hyper, "-m", model, "-p", "plot.yml")
    best = study(folder).best
    assert f"Best val_loss: {best.value:.6g} (trial {best.number})" in said
    written = (folder / "test" / "best.yml").read_text()
    assert f"# num_dense: {best.params['num_dense']} has no place here: see custom_updates" in written
    filled = yaml.safe_load(written)
    assert filled["optimizer"]["learning_rate"] == best.params["lr"]
    assert filled["model"] == MODEL["model"]
    assert "fANOVA" in said
    for name in ("optimization_history", "importances", "partial_dependence_val_loss"):
        assert (folder / "test" / f"{name}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(table(folder / "test" / "pair.csv")) == 12


def test_files_of_results_are_whole_at_any_moment(folder: Path) -> None:
    """A row that a dying worker left half written, and a table of another worker, are no trouble."""
    words = pair(folder, n_trials=3)
    parts = folder / "test" / "trial_results"
    parts.mkdir(parents=True)
    (parts / "trial_results_old.csv").write_text("trial,num_dense,odd\n100,1,x\n10")
    shoal("tune", *words, "-q")
    rows = table(folder / "test" / "trial_results.csv")
    assert [row["trial"] for row in rows] == ["0", "1", "2", "100"]
    assert rows[-1]["odd"] == "x"
    assert not list(folder.rglob(".trial_results*"))


def test_options_of_engines_are_refused_by_name(folder: Path) -> None:
    options = ("--address", "auto", "--cpus-per-peer", "2", "--nodes-per-peer", "2", "--resource", "a100=1", "--pin")
    said = shoal("tune", *pair(folder), *options, status=1)
    assert "--address, --cpus-per-peer, --nodes-per-peer, --resource, --pin: two files of ECHO say nothing" in said
    assert "leave it out, or write the study as a study.yaml, which may have engine_settings:" in said
    assert not (folder / "test").exists()


def test_a_study_that_is_begun_anew_has_a_directory_of_its_own(folder: Path) -> None:
    for store in ("one.db", "two.db", "two.db"):
        said = shoal("tune", *pair(folder, n_trials=2), "-q", "--store", store)
        assert "Best val_loss" in said
    places = [path.parent for path in (folder / "test" / "trials").rglob("hyper_opt.yaml")]
    assert sorted(path.name for path in places) == ["pair", "pair+2"]
