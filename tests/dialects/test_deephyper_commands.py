"""The commands of DeepHyper: the tutorial from an empty folder, `shoal hps`, tables, and submissions."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import venv
from base64 import urlsafe_b64encode
from pathlib import Path

import psutil
import pytest
import yaml

from clusters import cluster
from conftest import wait_until
from shoal.dialects.deephyper.results import best_rows
from shoal.study import Study

EXAMPLE = Path(__file__).parents[2] / "examples" / "09_deephyper.sh"
PROBLEM = """
from shoal.dialects.deephyper import HpProblem
Problem = HpProblem()
Problem.add_dim("x", (-10.0, 10.0))
Problem.add_dim("activation", [None, "relu"])
Problem.add_starting_point(x=5.0, activation=None)
"""
RUN = """
import time
def run(point):
    time.sleep({seconds})
    return -(point["x"] - 1.0) ** 2 - (point["activation"] is None)
"""
SHAPES = """\
train_X shape: (8000, 10)
train_y shape: (8000, 1)
valid_X shape: (2000, 10)
valid_y shape: (2000, 1)
"""


def shoal(*words: str, status: int = 0, cwd: Path | None = None) -> str:
    """What a command prints on both streams."""
    done = subprocess.run(
        [sys.executable, "-m", "shoal", *words], capture_output=True, text=True, timeout=120, check=False, cwd=cwd
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stderr + done.stdout


def package(folder: Path, seconds: float = 0.0) -> Path:
    """A package ``pkg`` with a problem and a run-function, that is not installed; returns its folder."""
    place = folder / "project" / "pkg"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "problem.py").write_text(PROBLEM)
    (place / "model_run.py").write_text(RUN.format(seconds=seconds))
    return place


WHAT = ("--problem", "pkg.problem.Problem", "--run", "pkg.model_run.run")


def test_the_ray_evaluator_runs_on_the_cluster_of_an_address(folder: Path) -> None:
    address = cluster()
    said = shoal("hps", "ambs", *WHAT, "--evaluator", "ray", "--ray-address", address, "--num-workers", "2",
                 "--num-cpus-per-task", "2", "--max-evals", "6", cwd=package(folder))  # fmt: skip
    assert "evaluator ray: 2 peers, workers of Ray (engine ray)" in said
    rows = list(csv.DictReader((folder / "project" / "pkg" / "results.csv").read_text().splitlines()))
    assert [row["job_id"] for row in rows] == [str(number) for number in range(6)]
    assert (float(rows[0]["p:x"]), float(rows[0]["objective"])) == (5.0, -17.0)


# ---------------------------------------------------------------------- the tutorial


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """A virtual environment to install projects into, which sees what this one has."""
    place = folder / "environment"
    venv.create(place, with_pip=False, symlinks=True)
    command = place / "bin" / "shoal"
    command.write_text('#!/bin/sh\nexec python -m shoal "$@"\n')
    command.chmod(0o755)
    here = [path for path in sys.path if path]
    return {**os.environ, "PATH": f"{place / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": ":".join(here)}


@pytest.mark.timeout(600)
def test_the_tutorial_goes_from_an_empty_folder_to_an_objective_of_98_percent(
    folder: Path, environment: dict[str, str]
) -> None:
    work = folder / "work"
    work.mkdir()
    done = subprocess.run(
        ["/bin/sh", str(EXAMPLE)], cwd=work, env={**environment, "MAX_EVALS": "50"}, capture_output=True, text=True,
        check=False, timeout=550,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert SHAPES in done.stdout
    first, *_, last = re.findall(r"^objective: (-?[\d.]+)$", done.stdout, re.MULTILINE)
    assert abs(float(first)) < 0.1  # a linear network knows nothing of squares
    assert float(last) > 0.9
    assert "{0: {'activation': 'identity', 'lr': 0.01, 'units': 10}}" in done.stdout
    place = work / "dh_project" / "dh_project"
    best = json.loads((place / "best.json").read_text())["0"]
    assert set(best) == {"activation", "elapsed_sec", "id", "lr", "objective", "units"}
    assert f"{best['objective']:.4f}" == last
    trained = subprocess.run(["python", "model_run.py"], cwd=place / "polynome2", env=environment, capture_output=True,
                             text=True, check=True)  # fmt: skip
    assert f"objective: {last}" in trained.stdout  # best.json is found in the folder above
    assert {path.name for path in place.iterdir()} >= {"polynome2", "results.csv", "shoal.log", "best_config.png"}
    assert len((place / "results.csv").read_text().splitlines()) == 51
    where = "import dh_project.polynome2 as it; print(it.__file__)"
    found = subprocess.run(
        ["python", "-c", where], cwd="/", env=environment, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()) == place / "polynome2" / "__init__.py"  # from anywhere, and as it is now
    evaluations, reached = 50, float(last)
    while reached < 0.98 and evaluations < 200:  # one in eight searches is not there after 50
        evaluations += 50
        more = ["shoal", "resume", "hps-1", "--trials", str(evaluations)]
        subprocess.run(more, cwd=place, env=environment, check=True, capture_output=True)
        top = ["shoal", "top", "hps-1", "-k", "1", "--json"]
        told = subprocess.run(top, cwd=place, env=environment, check=True, capture_output=True)
        reached = json.loads(told.stdout)[0]["value"]
    assert reached >= 0.98


def test_what_new_writes_is_the_tutorials_tree_and_clean_code(folder: Path) -> None:
    shoal("new", "project", "dh_project", "--no-install")
    outer = folder / "dh_project"
    assert {str(path.relative_to(outer)) for path in outer.rglob("*.py")} == {"setup.py", "dh_project/__init__.py"}
    inner = outer / "dh_project"
    said = shoal("new", "problem", "hps", "polynome2", cwd=inner)
    assert f"pip install -e {outer}" in said
    made = {path.name for path in (inner / "polynome2").iterdir()}
    assert made >= {"__init__.py", "load_data.py", "model_run.py", "problem.py", "default_config.py", "best_config.py"}
    for words in (["check", "--select", "E,F,W,I,B"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--isolated", "--line-length", "120", "dh_project"],
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "name", ["a-b", "1st", "class", "", "../x", "a b", "a.b", "__init__", "numpy", "x$(touch y)", "ü"]
)
def test_a_project_with_a_name_that_no_package_may_have_is_refused(name: str, folder: Path) -> None:
    assert "shoal: error: " in shoal("new", "project", name, "--no-install", status=1)
    assert not list(folder.iterdir())


def test_nothing_is_overwritten_and_a_problem_is_made_inside_of_a_package_alone(folder: Path) -> None:
    shoal("new", "project", "mine", "--no-install")
    assert "is there already" in shoal("new", "project", "mine", "--no-install", status=1)
    assert "cd mine" in shoal("new", "problem", "hps", "p", status=1, cwd=folder / "mine")
    shoal("new", "problem", "hps", "p", cwd=folder / "mine" / "mine")
    assert "is there already" in shoal("new", "problem", "hps", "p", status=1, cwd=folder / "mine" / "mine")
    assert "shoal new project NAME" in shoal("new", "problem", "hps", "p", status=1)
    assert "use hps" in shoal("new", "problem", "nas", "p", status=1, cwd=folder / "mine" / "mine")


def test_a_keras_that_lacks_its_backend_does_not_keep_the_network_from_being_trained(folder: Path) -> None:
    shoal("new", "project", "mine", "--no-install")
    shoal("new", "problem", "hps", "p", cwd=folder / "mine" / "mine")
    (folder / "mine" / "keras.py").write_text("import a_backend_that_is_not_installed\n")
    words = "import mine.p.model_run as it; it.EPOCHS = 1; print(it.run(dict(units=10, activation='relu', lr=0.01)))"
    done = subprocess.run(
        [sys.executable, "-c", words], cwd=folder / "mine", capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1.0


# ---------------------------------------------------------------------- shoal hps


def test_hps_searches_a_package_that_is_not_installed_from_inside_of_it(folder: Path) -> None:
    place = package(folder)
    said = shoal("hps", "ambs", *WHAT, "--num-workers", "2", "--max-evals", "12", cwd=place)
    assert "evaluator process: 2 peers, processes of this machine (engine local)" in said
    assert "Best objective: " in said
    assert "shoal export hps-1 trials.csv" in said  # results.csv is there
    rows = list(csv.DictReader((place / "results.csv").read_text().splitlines()))
    assert len(rows) == 12
    assert (rows[0]["p:x"], rows[0]["p:activation"], float(rows[0]["objective"])) == ("5.0", "null", -17.0)
    again = shoal("resume", "hps-1", "--trials", "15", "--quiet", cwd=place)  # its objective is known by an address
    assert "Best objective" in again


@pytest.mark.parametrize("form", ["files", "colon", "deephyper"])
def test_files_and_the_command_under_its_old_name_do_the_same(form: str, folder: Path) -> None:
    place = package(folder)
    what = {"files": ("problem.py", "model_run.py"), "colon": ("pkg.problem:Problem", "pkg.model_run:run"),
            "deephyper": (WHAT[1], WHAT[3])}[form]  # fmt: skip
    command = ("deephyper", "hps") if form == "deephyper" else ("hps",)
    said = shoal(*command, "regevo", "--problem", what[0], "--run-function", what[1], "--evaluator", "serial",
                 "--max-evals", "3", "--population-size", "5", "--sample-size", "2", cwd=place)  # fmt: skip
    assert "one at a time (workers=0)" in said
    definition = Study.open("hps-1", str(place / "shoal.db"))._journal.history.definition
    assert (definition.search, definition.settings) == ("evolution", {"population": 5, "sample": 2})


def test_options_of_the_command_reach_the_search(folder: Path) -> None:
    place = package(folder)
    shoal("hps", "cbo", *WHAT, "--evaluator", "thread", "--max-evals", "3", "--random-state", "7",
          "--surrogate-model", "RF", "--acq-func", "LCB", "--kappa", "2.5", "--liar-strategy", "cl_min",
          "--n-initial-points", "4", "--log-dir", "out",
          "--name", "mine", "-v", "0", "--timeout", "60", cwd=place)  # fmt: skip
    definition = Study.open("mine", str(place / "out" / "shoal.db"))._journal.history.definition
    assert definition.settings == {"acquisition": "LCB", "kappa": 2.5, "liar": "min", "design": 4}
    assert (definition.seed, definition.trials, definition.goal) == (7, 3, "maximize")
    assert (place / "out" / "results.csv").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["ambs", "--problem", "pkg.problem.Nothing", "--run", WHAT[3]], "has no 'Nothing'"),
        (["ambs", "--problem", "pkg.nothing.Problem", "--run", WHAT[3]], "no module"),
        (["ambs", "--problem", "Problem", "--run", WHAT[3]], "write package.module.Problem"),
        (["ambs", "--problem", "nothing.py", "--run", WHAT[3]], "no file"),
        (["ambs", "--problem", WHAT[3], "--run", WHAT[3]], "is no HpProblem"),
        (["ambs", "--problem", WHAT[1], "--run", WHAT[1]], "is no function"),
        (["amps", *WHAT], "did you mean 'ambs'"),
        (["ambs", *WHAT, "--evaluator", "balsam"], "shoal submit hps"),
        (["ambs", *WHAT, "--surrogate-model", "GBRT"], "GBRT"),
        (["ambs", *WHAT, "--cache-key", "to_dict"], "keeps no cache"),
        (["ambs", *WHAT, "--ray-address", "auto"], "for --evaluator ray alone"),
        (["ambs", *WHAT, "--sample-size", "3"], "sample_size"),
        (["random", *WHAT, "--kappa", "3"], "kappa"),
        (["ambs", *WHAT, "--max-evals", "0"], "max_evals"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_done_is_refused_before_anything_is_written(words: list[str], reason: str, folder: Path) -> None:
    place = package(folder)
    before = {path.name for path in place.iterdir()}
    assert reason in shoal("hps", *words, status=1, cwd=place)
    assert {path.name for path in place.iterdir()} - before <= {"__pycache__"}


def test_a_native_study_takes_the_problem_its_space_and_its_starting_points(folder: Path) -> None:
    place = package(folder)
    shoal("tune", "model_run.py:run", "--space", "problem.py:Problem", "--metric", "objective", "--goal", "maximize",
          "--start", '{"x": 2.0}', "-n", "4", "-w", "0", "-q", "--name", "native", cwd=place)  # fmt: skip
    trials = Study.open("native", str(place / "shoal.db")).trials
    assert [trial.params["x"] for trial in trials[:2]] == [5.0, 2.0]
    assert "is needed" in shoal(
        "tune", "model_run.py:run", "--space", "model_run.py:time", "-n", "2", status=1, cwd=place
    )


# ---------------------------------------------------------------------- tables


def test_top_of_a_table_prints_the_yaml_of_the_tutorial_and_writes_json(folder: Path) -> None:
    Path("results.csv").write_text(
        "p:activation,p:lr,p:units,objective,job_id,job_status,m:timestamp_submit,m:timestamp_gather\n"
        "tanh,0.5,20,0.25,0,DONE,0.0,1.0\nnull,0.1,3,F_nan,1,FAILED,0.5,2.0\nrelu,0.003,66,0.9863,2,DONE,2.5,3.25\n"
        "relu,0.003,66,nan,3,DONE,2.5,3.25\n"
    )
    best = {"activation": "relu", "elapsed_sec": 3.25, "id": 2, "lr": 0.003, "objective": 0.9863, "units": 66}
    expected = "'0':\n" + "".join(f"    {name}: {value}\n" for name, value in best.items())
    assert shoal("top", "results.csv", "-k", "1") == expected
    assert shoal("deephyper", "topk", "results.csv") == expected
    assert list(yaml.safe_load(shoal("top", "results.csv"))) == ["0", "1"]
    said = shoal("top", "results.csv", "-k", "1", "-o", "best.json")
    assert said == f"written to best.json\n{expected}"
    assert json.loads(Path("best.json").read_text()) == yaml.safe_load(expected)
    for name in ("best.yaml", "best.csv"):
        shoal("top", "results.csv", "-o", name)
        assert "0.9863" in Path(name).read_text()
    assert "unknown format" in shoal("top", "results.csv", "-o", "best.txt", status=1)


def test_a_table_of_deephyper_itself_is_read(folder: Path) -> None:
    Path("old.csv").write_text("activation,lr,units,id,objective,elapsed_sec\nrelu,0.003,66,10db0a10-dfc3,0.98,555.1\n")
    found = {
        "activation": "relu",
        "elapsed_sec": 555.1,
        "id": "10db0a10-dfc3",
        "lr": 0.003,
        "objective": 0.98,
        "units": 66,
    }
    assert best_rows(Path("old.csv"), 3) == {"0": found}


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "objective\n", "objective\nF\nnan\n", "\0\0", "\xff\xfe"])
def test_what_is_no_table_of_a_search_is_refused(text: str, folder: Path) -> None:
    Path("bad.csv").write_bytes(text.encode("latin-1"))
    assert "shoal: error: " in shoal("top", "bad.csv", status=1)
    assert "cannot read" in shoal("top", "nothing.csv", status=1)


# ---------------------------------------------------------------------- submitting


BALSAM = ("-p", WHAT[1], "-r", WHAT[3], "-t", "1", "-q", "debug", "-A", "science", "-j", "mpi", "--scheduler", "local")


@pytest.mark.parametrize("command", [("submit",), ("deephyper", "balsam-submit")], ids=str)
def test_a_search_is_checked_and_handed_to_a_scheduler_whose_jobs_run_it(
    command: tuple[str, ...], folder: Path
) -> None:
    place = package(folder)
    said = shoal(*command, "hps", "demo", *BALSAM, "-n", "2", "--max-evals", "10", cwd=place)
    lines = said.splitlines()
    assert lines[:5] == [
        "Validating Problem...OK", "Validating run...OK", "Bootstrapping apps...OK", "Creating HPS(AMBS) study...OK",
        "Performing job submission...",
    ]  # fmt: skip
    assert "Submit OK: {" in said
    assert "Success. The search will run at: " in said
    store = f"dir:{place}/shoal.store"
    wait_until(lambda: Study.open("demo", store).reason, 90)
    trials = Study.open("demo", store).trials
    assert [trial.outcome for trial in trials] == ["done"] * 10
    assert trials[0].params == {"x": 5.0, "activation": None}
    (file,) = (place / "shoal.files" / "demo" / "submit").glob("order-*.json")
    mine = urlsafe_b64encode(str(file).encode()).decode().rstrip("=")
    wait_until(lambda: not any(mine in (p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])), 60)
    results = place / "shoal.files" / "demo" / "results.csv"
    assert results.read_text().count("\n") == 11
    assert "job_id" in results.read_text()
    assert (results.parent / "shoal.log").read_text().count("done after") == 10
    again = shoal(*command, "hps", "demo", *BALSAM, "-n", "2", status=1, cwd=place)
    assert "exists already" in again
    assert "Performing" not in again


def test_a_dry_run_says_what_a_scheduler_would_be_told(folder: Path) -> None:
    words = [word if word != "local" else "slurm" for word in BALSAM]
    said = shoal("submit", "hps", "demo", *words, "-n", "4", "--dry-run", cwd=package(folder))
    for line in ('--partition="debug"', '--account="science"', "--time=0:1:0"):
        assert f"#SBATCH {line}" in said
    assert "Submit OK" not in said
    said = shoal("submit", "hps", "demo", *words, "-n", "4", "--dry-run", cwd=folder / "project" / "pkg")
    assert "exists already" not in said  # nothing is left of the first


def test_a_workflow_whose_job_the_scheduler_refuses_leaves_its_name_to_be_had(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sbatch = folder / "bin" / "sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text("#!/bin/sh\necho 'invalid partition' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{sbatch.parent}:{os.environ['PATH']}")
    words = [word if word != "local" else "slurm" for word in BALSAM]
    place = package(folder)
    for _ in range(2):
        said = shoal("submit", "hps", "demo", *words, "-n", "2", status=1, cwd=place)
        assert "slurm refused the job: invalid partition" in said


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"-p": "pkg.problem.Nothing"}, "has no 'Nothing'"), ({"-r": WHAT[1]}, "is no function"),
        ({"-j": "threads"}, "mpi, one evaluation a node"), ({"--num-evals-per-node": "2"}, "for -j serial"),
        ({"-q": 'a"b'}, "quote"), ({"--scheduler": "balsam"}, "unknown scheduler"),
    ],
    ids=str,
)  # fmt: skip
def test_a_submission_that_cannot_work_is_refused_before_a_study_is_made(
    changed: dict[str, str], reason: str, folder: Path
) -> None:
    place = package(folder)
    options = {**dict(zip(BALSAM[::2], BALSAM[1::2], strict=True)), "-n": "1", **changed}
    said = shoal("submit", "hps", "demo", *[word for pair in options.items() for word in pair], status=1, cwd=place)
    assert reason in said
    assert not (place / "shoal.store" / "demo").exists()
    assert "use hps" in shoal("submit", "nas", "demo", *BALSAM, "-n", "1", status=1, cwd=place)


def test_a_study_file_is_submitted_as_before(folder: Path) -> None:
    place = package(folder)
    (place / "study.yaml").write_text("objective: model_run.py:run\nspace: {x: '(0.0, 1.0)', activation: [relu]}\n")
    said = shoal("submit", "study.yaml", "--scheduler", "slurm", "--dry-run", cwd=place)
    assert "#SBATCH" in said


def test_the_problem_of_a_file_may_be_called_by_a_small_letter(folder: Path) -> None:
    place = package(folder)
    (place / "problem.py").write_text(PROBLEM.replace("Problem.add", "problem.add").replace("Problem =", "problem ="))
    shoal("hps", "random", "--problem", "problem.py", "--run", "model_run.py", "--evaluator", "serial",
          "--max-evals", "2", cwd=place)  # fmt: skip
