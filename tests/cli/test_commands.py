"""The command line, run as a user runs it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import wait_until
from shoal import Study

SHOAL = [sys.executable, "-m", "shoal"]
SCRIPT = """
import argparse
from shoal import report
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()
for epoch in range(args.epochs):
    report(epoch=epoch + 1, loss=(args.lr - 0.1) ** 2 + args.layers)
"""
PARAMS = ["-p", "lr=loguniform(1e-4, 1)", "-p", "layers=(1, 3)"]


def test_a_colon_in_a_domain_makes_it_no_dict(folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return params['x']['a']\n")
    said = shoal("tune", "p.py:f", "-p", 'x=choice([{"a": 1}, {"a": 2, "b #": 0}])', "-n", "2", "--search", "grid")
    assert "Best loss: 1 " in said


def shoal(*words: str, status: int = 0) -> str:
    """What a command prints; its errors where it is to fail."""
    done = subprocess.run([*SHOAL, *words], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr + done.stdout


@pytest.fixture
def study(folder: Path) -> str:
    """A study of eight trials, in the default store."""
    Path("train.py").write_text(SCRIPT)
    shoal("tune", "train.py", *PARAMS, "-n", "8", "-w", "2", "--name", "mlp", "--seed", "1", "-q")
    return "mlp"


def test_tune_says_what_is_best_where_results_lie_and_what_to_type_next(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    said = shoal("tune", "train.py", *PARAMS, "-n", "4", "--", "--epochs", "2")
    assert "Best loss: " in said
    assert "study 'train-1'" in said
    assert "shoal top train-1" in said


def test_what_to_type_next_names_the_store_where_it_would_not_be_found_without(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("train.py").write_text(SCRIPT)
    words = ("tune", "train.py", *PARAMS, "-n", "1", "-q")
    assert "shoal top train-1 -k 5  " in shoal(*words)
    assert "shoal top train-2 -k 5  " in shoal(*words, "--store", "shoal.db")
    assert "shoal top train-1 -k 5 --store 'my studies.db'" in shoal(*words, "--store", "my studies.db")
    monkeypatch.setenv("SHOAL_STORE", "dir:studies")
    assert "shoal top train-1 -k 5  " in shoal(*words)
    assert "shoal top train-3 -k 5 --store shoal.db" in shoal(*words, "--store", "shoal.db")


def test_tune_prints_json_for_machines(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    said = json.loads(shoal("tune", "train.py", *PARAMS, "-n", "3", "--json", "-q"))
    assert said["ended"] == 3
    assert set(said["best"]["params"]) == {"lr", "layers"}


def test_a_function_is_tuned_by_its_reference(folder: Path) -> None:
    Path("code.py").write_text("def train(params):\n    return params['x'] ** 2\n")
    assert "Best loss" in shoal("tune", "code.py:train", "-p", "x=(-1.0, 1.0)", "-n", "5")
    Path("package").mkdir()
    Path("package/module.py").write_text("def train(params):\n    return params['x'] ** 2\n")
    assert "Best loss" in shoal("tune", "package.module:train", "-p", "x=(-1.0, 1.0)", "-n", "5")


def test_a_space_may_come_from_a_file_and_be_added_to(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    Path("space.yaml").write_text("lr: loguniform(1e-4, 1)\nlayers: [1, 2]\n")
    said = json.loads(shoal("tune", "train.py", "--space", "space.yaml", "-p", "epochs=2", "-n", "2", "--json", "-q"))
    assert set(said["best"]["params"]) == {"lr", "layers", "epochs"}
    assert said["best"]["params"]["epochs"] == 2


def test_a_study_file_describes_a_whole_study_relative_to_itself(folder: Path) -> None:
    Path("experiment").mkdir()
    Path("experiment/train.py").write_text(SCRIPT)
    described = {
        "objective": "train.py", "space": {"lr": "loguniform(1e-4, 1)", "layers": "(1, 4)", "epochs": 2}, "trials": 4,
        "where": "layers <= 3", "search": "genetic", "settings": {"pop_size": 4}, "start": [{"lr": 0.1}], "seed": 7,
    }  # fmt: skip
    Path("experiment/study.yaml").write_text(yaml.safe_dump(described))
    assert "study 'study'" in shoal("tune", "experiment/study.yaml")
    trials = json.loads(shoal("show", "study", "0", "--store", "experiment/shoal.db", "--json"))
    assert trials["params"]["lr"] == 0.1
    assert len(trials["reports"]) == 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("objectve: train.py", "unknown key 'objectve'; did you mean 'objective'?"),
        ("objective: train.py\ntrials: ten", "trials: expected int or none, got str"),
        ("objective: train.py\nspace: {x: 'uniformm(0, 1)'}", "did you mean 'uniform'?"),
        ("objective: train.py\nspace: {x: 'loguniform(0, 1)'}", "for a range that reaches 0 use uniform"),
        ("space: {x: 1}", "objective: is missing"),
        ("- a\n- b", "a mapping of keys"),
        ("a: [", "no valid YAML"),
        ("objective: gone.py\nspace: {x: '(0.0, 1.0)'}", "there is no script 'gone.py'"),
    ],
)
def test_a_study_file_that_is_wrong_is_refused_with_the_remedy(folder: Path, text: str, complaint: str) -> None:
    Path("study.yaml").write_text(text)
    Path("train.py").write_text(SCRIPT)
    said = shoal("tune", "study.yaml", status=1)
    assert complaint in said
    assert "Traceback" not in said


def test_status_top_show_why_and_export_read_a_study(study: str) -> None:
    assert "8/8" in shoal("status")
    assert "randint(1, 3)" in shoal("status", study)
    facts = json.loads(shoal("status", "--json"))
    assert facts[0]["state"] == "all 8 trials have ended"
    best = json.loads(shoal("top", study, "-k", "3", "--json"))
    assert [trial["value"] for trial in best] == sorted(trial["value"] for trial in best)
    assert len(best) == 3
    said = shoal("show", study, "3")
    assert "trial 3 of study 'mlp': done" in said
    assert "stdout.txt" in said
    assert "proposed by auto" in shoal("why", study)
    assert "8 trials" in shoal("export", study, "table.csv")
    assert len(Path("table.csv").read_text().splitlines()) == 9
    assert shoal("show", "3") == said  # the only study needs no name


@pytest.mark.parametrize("suffix", ["yaml", "json", "csv"])
def test_top_writes_files(study: str, suffix: str) -> None:
    shoal("top", study, "-k", "2", "-o", f"best.{suffix}")
    text = Path(f"best.{suffix}").read_text()
    if suffix == "csv":
        assert len(text.splitlines()) == 3
    else:
        best = yaml.safe_load(text) if suffix == "yaml" else json.loads(text)
        assert {"number", "value", "params", "metrics"} == set(best[0])


def test_resume_brings_more_trials_and_stop_holds_a_study(study: str) -> None:
    assert "all 8 trials have ended" in shoal("join", study, status=1)
    shoal("resume", study, "-n", "10", "-q")
    assert "10/10" in shoal("status")
    shoal("stop", study)
    assert "stopped by" in shoal("join", study, status=1)
    shoal("resume", study, "-n", "11", "-q")
    assert "11/11" in shoal("status")


def test_output_that_cannot_show_a_dash_shows_the_rest(folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return 1 / 0\n")
    shoal("tune", "p.py:f", "-p", "x=(0.0, 1.0)", "-n", "2", "--name", "s", "-q", status=1)
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([*SHOAL, "status"], env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert b"2/2" in done.stdout


def test_output_on_a_full_disk_ends_with_the_reason(folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return params\n")
    words = ["tune", "p.py:f", "-p", "x=(0.0, 1.0)", "-n", "2", "--name", "s"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*SHOAL, *words], stdout=full, stderr=subprocess.PIPE, timeout=60, check=False, text=True)
    assert done.returncode == 1
    assert "shoal: error: the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert "the function gets all params as one dict" in done.stderr  # its result is them
    assert "2/2" in shoal("status")


def test_a_report_of_losses_that_diverged_holds_numbers(folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return 1e308 if params['k'] == 'bad' else params['n'] / 10\n")
    words = ["-p", "k=choice(['ok', 'bad'])", "-p", "n=(1, 10)", "-n", "20", "--search", "grid", "--name", "s", "-q"]
    shoal("tune", "p.py:f", *words)
    told = json.loads(shoal("report", "s", "--json"), parse_constant=pytest.fail)
    assert len(told["files"]) == 3
    assert "Valid are: loss" in shoal("report", "s", "--pareto", "nope=maximize", status=1)


def test_square_brackets_are_shown_as_they_are(folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return 1.0\n")
    words = ["-p", 'mask=choice(["[/mnt/a]", "[bold]"])', "-n", "2", "--search", "grid", "--name", "[/]", "-q"]
    said = shoal("tune", "p.py:f", *words)
    assert "shoal top '[/]'" in said
    shown = shoal("top", "[/]")
    assert "[/mnt/a]" in shown
    assert "[bold]" in shown
    assert "[/]" in shoal("status")


@pytest.mark.parametrize("columns", [80, 300])
def test_the_best_trials_are_columns_where_a_terminal_is_too_narrow_for_rows(columns: int, folder: Path) -> None:
    """A pseudo-terminal stands in for the user's."""
    names = [f"a_rather_long_name_{k}" for k in range(12)]
    study = Study(dict.fromkeys(names, (0.0, 1.0)), search="random", store="shoal.db", name="wide", seed=0)
    for loss in range(3):
        study.tell(study.ask(), loss)
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(columns), "LINES": "24"}  # a dumb terminal is 80 wide unless both are known
    environment = {**os.environ, "TERM": "dumb", **size}
    subprocess.run([*SHOAL, "top", "wide"], stdout=theirs, env=environment, timeout=60, check=True)
    os.close(theirs)
    lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    assert [line.split()[0] for line in lines] == ["trial", *(["loss", *names] if columns == 80 else "012")]
    assert f"{study.trials[0].params[names[-1]]:.6g}" in lines[-1 if columns == 80 else 1]
    assert "…" not in "".join(lines)


@pytest.mark.parametrize("name", ["it's $(touch pwned)", "a\\b", "both ' and \""])
def test_what_to_type_next_may_be_pasted_whatever_a_study_is_called(name: str, folder: Path) -> None:
    (folder / "p.py").write_text("def f(params):\n    return params['x']\n")
    said = shoal("tune", "p.py:f", "-p", "x=(0.0, 1.0)", "-n", "1", "--name", name, "-q")
    command = next(line for line in said.splitlines() if line.startswith("  shoal top")).replace(
        "shoal", " ".join(SHOAL)
    )
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not Path("pwned").exists()


@pytest.mark.parametrize(
    ("option", "bound", "other"), [("--target", "2", "0"), ("--patience", "1", "50"), ("--max-failures", "3", "7")]
)
def test_what_ended_a_study_is_said_and_resume_takes_another(option: str, bound: str, other: str, folder: Path) -> None:
    loss = "1 / 0" if option == "--max-failures" else "1.0"
    Path("code.py").write_text(f"def train(params):\n    return {loss}\n")
    failing = int(option == "--max-failures")
    words = ["-p", "x=(0.0, 1.0)", "-n", "6", "--name", "s", "-q"]
    shoal("tune", "code.py:train", *words, option, bound, status=failing)
    assert "/6" in shoal("status")
    assert "6/6" not in shoal("status")
    assert f"`shoal resume s` goes on with another {option}" in shoal("join", "s", status=1)
    shoal("resume", "s", "-q", option, other, status=failing)
    assert "6/6" in shoal("status")
    assert "Another --trials brings more" in shoal("resume", "s", "-q", status=failing)


def test_stop_ends_a_running_study_and_resume_goes_on(folder: Path) -> None:
    Path("code.py").write_text("import time\ndef train(params):\n    time.sleep(0.05)\n    return params['x']\n")
    words = ["tune", "code.py:train", "-p", "x=(0.0, 1.0)", "-n", "5000", "--name", "long", "-q"]
    running = subprocess.Popen([*SHOAL, *words], stdout=subprocess.DEVNULL)
    wait_until(lambda: Path("shoal.db").exists() and _ended("long") > 3)
    shoal("stop", "long")
    assert running.wait(60) == 0
    ended = _ended("long")
    assert ended < 5000
    shoal("resume", "long", "-n", str(ended + 2), "-q")
    assert _ended("long") == ended + 2


def _ended(name: str) -> int:
    from shoal.errors import StoreError
    from shoal.study import Study

    try:
        return sum(trial.outcome == "done" for trial in Study.open(name).trials)
    except StoreError:
        return 0


def test_an_interrupted_tune_exits_with_130_and_says_how_to_go_on(folder: Path) -> None:
    Path("code.py").write_text("import time\ndef train(params):\n    time.sleep(0.05)\n    return params['x']\n")
    running = subprocess.Popen([*SHOAL, "tune", "code.py:train", "-p", "x=(0.0, 1.0)", "-n", "5000", "--name", "long"],
                               stdout=subprocess.PIPE, text=True, stderr=subprocess.DEVNULL)  # fmt: skip
    wait_until(lambda: Path("shoal.db").exists() and _ended("long") > 3)
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "shoal resume long" in said


def test_rm_asks_first_and_removes_the_files_too(study: str) -> None:
    asked = subprocess.run([*SHOAL, "rm", study], input="n\n", capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    assert "Remove study 'mlp' with its 8 trials" in asked.stdout
    assert "mlp" in shoal("status")
    shoal("rm", study, "--yes")
    assert "no study yet" in shoal("status")
    assert not Path("shoal.files/mlp").exists()


def test_doctor_finds_a_sound_study_sound_and_an_abandoned_one_unfinished(study: str) -> None:
    assert "study 'mlp': 8 trials, 8 ended, sound" in shoal("doctor")
    code = (
        "import os, shoal\nstudy = shoal.Study({'x': (0.0, 1.0)}, store='shoal.db', name='dead')\n"
        "study.ask()\nstudy._journal.flush()\nos._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "1 trials have no peer any more" in shoal("doctor", "dead", status=1)


@pytest.mark.parametrize(
    ("words", "status", "complaint"),
    [
        (["top", "gone"], 1, "holds no study 'gone'; it holds: 'mlp'"),
        (["show", "mlp", "99"], 1, "there is no trial 99; the last is 7"),
        (["top", "--store", "gone.db"], 1, "no file"),
        (["top", "-o", "best.pdf"], 1, "Valid are: .csv, .json, .yaml"),
        (["topp"], 2, "No such command"),
        (["tune", "train.py"], 1, "needs a space"),
        (["tune", "train.py", "-p", "lr"], 1, "write it as"),
        (
            ["tune", "train.py", "-p", "lr=__import__('os').system('touch hacked')"],
            1,
            "only plain values may stand here",
        ),
        (["tune", "train.py", "-p", "x=(0.0, 1.0)", "--search", "genetik"], 1, "did you mean 'genetic'"),
    ],
)
def test_mistakes_get_an_error_that_helps(study: str, words: list[str], status: int, complaint: str) -> None:
    said = " ".join(shoal(*words, status=status).split())
    assert complaint in said
    assert "Traceback" not in said
    assert not Path("hacked").exists()


def test_the_help_is_quick_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nsys.argv = ['shoal', '--help']\nfrom shoal.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in 'numpy sqlalchemy pandas sklearn torch scipy'.split() if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    done = subprocess.run([sys.executable, "-c", code.split("sys.argv")[0] + "import shoal\n" + code.splitlines()[-1]],
                          capture_output=True, text=True, check=True)  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
