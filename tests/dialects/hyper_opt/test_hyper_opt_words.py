"""The words of the two YAML files, translated one by one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pairs import PARAMETERS, pair

from shoal.dialects.hyper_opt import nested
from shoal.dialects.hyper_opt.jobs import flags, wall_seconds
from shoal.dialects.hyper_opt.optimize import main
from shoal.dialects.hyper_opt.study import plan
from shoal.dialects.hyper_opt.submitting import Submitting
from shoal.errors import ShoalError, StudyError
from shoal.study import Study
from shoal.study_file import read_yaml

TWO = {"metric": ["a", "b"], "direction": ["minimize", "minimize"]}
SAME = {"type": "float", "settings": {"name": "num_dense", "low": 0, "high": 1}}


def fields(folder: Path, top: dict[str, Any] | None = None, **optuna: Any) -> dict[str, Any]:
    hyper, model = pair(folder, top=top, **optuna)
    return plan(Path(hyper), Path(model)).fields


@pytest.mark.parametrize(
    ("type_", "settings", "spelt"),
    [
        ("categorical", {"choices": ["relu", "tanh", None, 2]}, "choice(['relu', 'tanh', None, 2])"),
        ("discrete_uniform", {"low": 0, "high": 1, "q": 0.25}, "quniform(0.0, 1.0, 0.25)"),
        ("float", {"low": 0, "high": 1}, "uniform(0.0, 1.0)"),
        ("float", {"low": 0.1, "high": 1, "log": True}, "loguniform(0.1, 1.0)"),
        ("float", {"low": 0, "high": 1, "step": 0.5}, "quniform(0.0, 1.0, 0.5)"),
        ("int", {"low": 0, "high": 10}, "randint(0, 10)"),
        ("int", {"low": 1, "high": 10, "log": True}, "lograndint(1, 10)"),
        ("int", {"low": 0, "high": 10, "step": 5}, "qrandint(0, 10, 5)"),
        ("loguniform", {"low": 1e-7, "high": 0.01}, "loguniform(1e-07, 0.01)"),
        ("uniform", {"low": -1, "high": 1}, "uniform(-1.0, 1.0)"),
    ],
)
def test_each_type_of_parameter_has_its_domain(folder: Path, type_: str, settings: dict[str, Any], spelt: str) -> None:
    found = fields(folder, parameters={"a:b": {"type": type_, "settings": {"name": "p", **settings}}})["space"]
    assert {name: str(domain) for name, domain in found.items()} == {"p": spelt}


@pytest.mark.parametrize(
    ("sampler", "search", "settings"),
    [
        ({"type": "TPESampler", "n_startup_trials": 30, "seed": 4}, "tpe", {"design": 30}),
        ({"type": "RandomSampler"}, "random", {}),
        ({"type": "CmaEsSampler", "sigma0": 0.1, "popsize": 8}, "cmaes", {"sigma": 0.1, "population": 8}),
        ({"type": "NSGAIISampler", "population_size": 30}, "genetic", {"pop_size": 30}),
        ({"type": "QMCSampler", "qmc_type": "sobol"}, "sobol", {}),
        ({"type": "GPSampler"}, "gp", {}),
        ({"type": "forest", "trees": 10}, "forest", {"trees": 10}),
    ],
)
def test_each_sampler_has_its_search(
    folder: Path, sampler: dict[str, Any], search: str, settings: dict[str, Any]
) -> None:
    found = fields(folder, sampler=sampler)
    assert (found["search"], found["settings"], found.get("seed")) == (search, settings, sampler.get("seed"))


def test_a_grid_and_fixed_parameters_narrow_the_space(folder: Path) -> None:
    grid = {"type": "GridSampler", "search_space": {"num_dense": [1, 2], "learning_rate": [1e-3, 1e-4]}}
    assert [str(domain) for domain in fields(folder, sampler=grid)["space"].values()] == [
        "choice([1, 2])", "choice([0.0001, 0.001])",
    ]  # fmt: skip
    fixed = {"type": "PartialFixedSampler", "fixed_params": {"lr": 0.001}, "base_sampler": {"type": "TPESampler"}}
    found = fields(folder, sampler=fixed)
    assert str(found["space"]["lr"]) == "constant(0.001)"
    assert found["search"] == "tpe"


@pytest.mark.parametrize(
    ("pruner", "rule", "settings"),
    [
        ({"type": "NopPruner"}, "none", None),
        ({"type": "MedianPruner", "n_startup_trials": 30, "n_min_trials": 50, "n_warmup_steps": 2}, "median",
         {"competitors": 50, "warmup": 2, "interval": 1}),
        ({"type": "PercentilePruner", "percentile": 10.0}, "percentile",
         {"percentile": 10.0, "competitors": 5, "warmup": 0, "interval": 1}),
        ({"type": "ThresholdPruner", "upper": 3.0}, "threshold", {"upper": 3.0, "warmup": 0}),
        ({"type": "SuccessiveHalvingPruner", "min_resource": 2, "min_early_stopping_rate": 1}, "asha",
         {"eta": 4, "grace": 8}),
        ({"type": "HyperbandPruner", "max_resource": 27}, "asha", {"eta": 3, "grace": 1, "brackets": 4}),
        ({"type": "PatientPruner", "patience": 3, "wrapped_pruner": {"type": "MedianPruner"}}, "patient",
         {"rule": "median", "settings": {"competitors": 5, "warmup": 0, "interval": 1}, "patience": 3, "least": 0.0}),
    ],
)  # fmt: skip
def test_each_pruner_has_its_rule(
    folder: Path, pruner: dict[str, Any], rule: str, settings: dict[str, Any] | None
) -> None:
    found = fields(folder, pruner=pruner)
    assert (found["stopping"], found.get("stopping_settings")) == (rule, settings)


@pytest.mark.parametrize(
    ("optuna", "complaint"),
    [
        ({"sampler": {"type": "TPESampler", "prior_weight": 2}}, "prior_weight=2 has no counterpart in Shoal"),
        ({"sampler": {"type": "TPESampler", "multivariate": False}}, "Shoal's tpe does multivariate=True"),
        ({"sampler": {"type": "TPEsampler"}}, "unknown sampler 'TPEsampler'; did you mean 'TPESampler'?"),
        ({"sampler": {"type": "GridSampler"}}, "GridSampler needs search_space"),
        ({"sampler": {"type": "GridSampler", "search_space": {"lr": [0.001]}}}, "the values of num_dense are missing"),
        ({"sampler": {"type": "GridSampler", "search_space": {"lr": [5.0], "num_dense": [1]}}}, "5.0 lies outside of"),
        ({"pruner": {"type": "WilcoxonPruner"}}, "unknown pruner 'WilcoxonPruner'"),
        ({"pruner": {"type": "MedianPruner", "n_startup": 3}}, "did you mean 'n_startup_trials'?"),
        ({"pruner": {"type": "HyperbandPruner", "bootstrap_count": 3}}, "bootstrap_count=3 has no counterpart"),
        ({"pruner": {"type": "PatientPruner", "patience": 3}}, "PatientPruner needs patience, and wrapped_pruner"),
        ({"direction": "up"}, "unknown direction 'up'"),
        ({"metric": ["a", "b"]}, "each metric needs its direction"),
        ({**TWO, "pruner": {"type": "MedianPruner"}}, "cannot be pruned"),
        ({**TWO, "sampler": {"type": "CmaEsSampler"}}, "cannot steer by several"),
        ({"objective": "gone.py"}, "there is no file"),
        ({"n_trials": "many"}, "optuna.n_trials: expected int, got str"),
        ({"n_trails": 5}, "unknown field n_trails"),
        ({"metric": None}, "missing required field metric"),
        ({"enqueue": [{"lrr": 0.1}]}, "optuna: enqueue: unknown parameter 'lrr'; did you mean 'lr'?"),
        ({"parameters": {"a": {"type": "normal", "settings": {}}}}, "parameters: a: unknown type 'normal'"),
        ({"parameters": {"a": {"type": "int", "settings": {"low": 0, "hihg": 1}}}}, "did you mean 'high'?"),
        ({"parameters": {"a": {"type": "int", "settings": {"low": 0}}}}, "int needs high"),
        ({"parameters": {"a": {"type": "loguniform", "settings": {"low": 0, "high": 1}}}}, "needs 0 < low"),
        ({"parameters": {"a": PARAMETERS["num_dense"], "b": SAME}}, "a are both named 'num_dense'"),
        ({"parameters": {"a": 5}}, "needs type: and settings:"),
    ],
)  # fmt: skip
def test_what_shoal_cannot_do_is_refused_with_the_way_out(folder: Path, optuna: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ShoalError) as error:
        fields(folder, **optuna)
    assert complaint in str(error.value)


def test_the_metric_and_the_store_are_those_of_the_yaml(folder: Path) -> None:
    assert fields(folder)["store"] == f"sqlite:///{folder}/test/pair.db"
    assert fields(folder, storage="mlp.db", study_name="mlp", name=None)["store"] == f"sqlite:///{folder}/test/mlp.db"
    assert fields(folder, storage="j.log", storage_type="nfs")["store"] == f"dir:{folder}/test/j.store"
    found = fields(
        folder, storage="mysql://me:pw@host/optuna", storage_type="maria", metric=["a"], direction=["maximize"]
    )
    assert (found["store"], found["metric"], found["goal"]) == ("mysql+pymysql://me:pw@host/optuna", "a", "maximize")


def test_a_path_in_the_url_of_a_store_is_relative_to_the_yaml(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert fields(folder, storage="sqlite:///kept/mlp.db")["store"] == f"sqlite:///{folder}/kept/mlp.db"
    assert fields(folder, storage="sqlite:////kept/mlp.db")["store"] == "sqlite:////kept/mlp.db"
    assert fields(folder, storage="dir:kept")["store"] == f"dir:{folder}/kept"


def test_keys_lead_into_dicts_and_lists_and_nowhere_else() -> None:
    config = {"a": {"b": [1, {"c": 2}]}, "d:e": 3, "f": {0: 4}}
    for key, value in (("a:b:0", 10), ("a:b:1:c", 20), ("d:e", 30), ("f:0", 40), ("a:b:-2", 50)):
        assert nested.put(config, key, value)
    assert config == {"a": {"b": [50, {"c": 20}]}, "d:e": 30, "f": {0: 40}}
    lost = ["a:x", "a:b:2", "a:b:c", "a:b:0:c", "x", "", ":", "a:", "a:b:-3"]
    assert nested.nowhere(config, lost) == lost


def test_any_flag_becomes_a_directive_and_no_line_of_its_own() -> None:
    batch = {"account": "NAML0001", "gres": "gpu:v100:1", "n": 8, "exclusive": True, "requeue": False, "comment": "a b"}
    assert flags("slurm", batch) == [
        "#SBATCH --account=NAML0001", "#SBATCH --gres=gpu:v100:1", "#SBATCH -n 8", "#SBATCH --exclusive",
        '#SBATCH --comment="a b"',
    ]  # fmt: skip
    assert flags("pbs", {"l": ["select=1:ncpus=8:ngpus=1", "walltime=12:00:00"], "q": "casper"}) == [
        "#PBS -l select=1:ncpus=8:ngpus=1", "#PBS -l walltime=12:00:00", "#PBS -q casper",
    ]  # fmt: skip
    for bad in ({"J": "x\nrm -rf ~"}, {"J": "$(touch x)"}, {"a b": 1}, {"o\n": 1}):
        with pytest.raises(StudyError):
            flags("slurm", bad)


@pytest.mark.parametrize(
    ("batch", "seconds"),
    [
        ({"t": "12:00:00"}, 43_200), ({"t": 90}, 5_400), ({"time": "1-02"}, 93_600), ({"t": "1-02:03"}, 93_780),
        ({"t": "10:30"}, 630), ({"l": ["select=1", "walltime=01:00:00"]}, 3_600), ({"l": "walltime=60"}, 60),
    ],
)  # fmt: skip
def test_the_wall_time_is_read_as_the_schedulers_read_it(batch: dict[str, Any], seconds: float) -> None:
    assert wall_seconds(batch) == seconds


def test_times_in_yaml_need_no_quotes(folder: Path) -> None:
    (folder / "x.yaml").write_text("t: 12:00:00\nn: 8\nm: 1_000\nf: 1.5\ne: 1e-4\ns: -3\n")
    assert read_yaml(folder / "x.yaml") == {"t": "12:00:00", "n": 8, "m": 1000, "f": 1.5, "e": 1e-4, "s": -3}


def test_jobs_run_bash_then_kernel_then_peers(folder: Path) -> None:
    batch = {"l": ["select=1:ncpus=8:ngpus=4", "walltime=12:00:00"], "A": "NAML0001", "N": "echo_trial"}
    bash = ["module load a", "module load b"]
    pbs = {"jobs": 2, "kernel": "ncar_pylib /path", "bash": bash, "gpus_per_node": 4, "batch": batch}
    hyper, model = pair(folder, top={"pbs": pbs})
    found = Submitting(Path(hyper), Path(model), {})
    (job,) = found.jobs
    assert job.words == "2 jobs of 4 peers, 1 GPU each, 12:00:00 each, to pbs"
    lines = found.scripts().splitlines()
    assert lines[:5] == ["#!/bin/bash -l", "#PBS -l select=1:ncpus=8:ngpus=4", "#PBS -l walltime=12:00:00",
                         "#PBS -A NAML0001", "#PBS -N echo_trial"]  # fmt: skip
    assert lines[5:8] == ["module load a", "module load b", "ncar_pylib /path"]
    assert (
        lines[8]
        == "[ $? -eq 0 ] || { echo 'shoal: the job ends, as its set-up failed: ncar_pylib /path' >&2; exit 1; }"
    )
    assert lines[-1].startswith('exec "$PYTHON" -m shoal.submitted ')
    assert found.journal.store.url.startswith("dir:")


def test_echos_own_command_has_all_its_flags(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = pair(folder)
    assert main([*words, "-c", "1", "-n", "other", "--storage", "o.db", "-t", "7", "-d", "maximize", "-s", "out"]) == 0
    study = Study.open("other", str(folder / "out" / "o.db"))
    assert (study._journal.history.definition.trials, study._journal.history.definition.goal) == (7, "maximize")
    assert main([*words, "-o", "gone.py"]) == 1
    assert "gone.py" in capfd.readouterr().err


def test_files_that_are_no_study_are_refused_by_name(folder: Path) -> None:
    hyper, model = pair(folder)
    for text in ("", "[1, 2]", "a: 1", "optuna: 5", ": : :", yaml.safe_dump({"optuna": {}, "x": float("nan")})):
        Path(hyper).write_text(text)
        with pytest.raises(StudyError, match=r"hyper\.yml"):
            plan(Path(hyper), Path(model))
