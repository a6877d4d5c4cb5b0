"""Budgets, stopping rules and checkpoints on the command line and in study.yaml, and what is shown of them after."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_commands import shoal

from shoal.catalog import STOPPINGS
from shoal.records import Budget, Definition
from shoal.study import Study

SCRIPT = """
import os, shoal
params = shoal.params()
state = os.path.join(shoal.checkpoint_dir(), "epoch")
epoch = int(open(state).read()) if os.path.exists(state) else 0
while epoch < shoal.until():
    epoch += 1
    open(state, "w").write(str(epoch))
    shoal.report(epoch=epoch, loss=params["x"] / epoch)
"""
X = ["-p", "x=(0.0, 1.0)"]
WORDS = ["--budget", "epoch:1:9", "--stopping", "asha", "--stopping-setting", "eta=4", "--keep-checkpoints", "1"]
KEYS = {"budget": "epoch:1:9", "stopping": "asha", "stopping_settings": {"eta": 4}, "keep_checkpoints": 1}


def plan_of(name: str, store: str = "shoal.db") -> Definition:
    return Study.open(name, store)._journal.history.definition


def assert_as_asked(plan: Definition) -> None:
    assert plan.budget == Budget("epoch", 1, 9)
    assert (plan.stopping, plan.stopping_settings, plan.keep_checkpoints) == ("asha", {"eta": 4}, 1)


def kept(name: str, folder: str = "shoal.files") -> set[int]:
    """The trials whose checkpoints are still there."""
    return {int(path.parent.parent.name) for path in Path(folder).glob(f"{name}/*/checkpoint/epoch")}


def test_what_is_said_on_the_command_line_reaches_the_study_and_is_done(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    shoal("tune", "train.py", *X, *WORDS, "-n", "8", "--name", "s", "--seed", "1", "-q", "--search", "random")
    assert_as_asked(plan_of("s"))
    trials = Study.open("s").trials
    assert {trial.outcome for trial in trials} == {"done", "stopped"}
    assert {len(trial.reports) for trial in trials if trial.outcome == "stopped"} <= {1, 4}  # η is 4
    assert kept("s") == {Study.open("s").best.number}


@pytest.mark.parametrize("budget", ["epoch:1:9", {"name": "epoch", "least": 1, "most": 9}])
def test_the_same_keys_in_study_yaml_reach_the_study(folder: Path, budget: Any) -> None:
    Path("train.py").write_text(SCRIPT)
    described = {"objective": "train.py", "space": {"x": "(0.0, 1.0)"}, "trials": 3, **KEYS, "budget": budget}
    Path("study.yaml").write_text(yaml.safe_dump(described))
    shoal("tune", "study.yaml", "-q")
    assert_as_asked(plan_of("study"))


def test_a_budget_with_a_key_that_there_is_not_is_refused(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    budget = {"name": "epoch", "least": 1, "most": 9, "eta": 3}
    Path("study.yaml").write_text(yaml.safe_dump({"objective": "train.py", "space": {"x": "(0, 1)"}, "budget": budget}))
    assert "unknown field eta" in shoal("tune", "study.yaml", "-q", status=1)


def test_the_command_line_overrules_study_yaml(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    described = {"objective": "train.py", "space": {"x": "(0.0, 1.0)"}, "trials": 3, "budget": "epoch:2:5",
                 "stopping": "median", "keep_checkpoints": 5}  # fmt: skip
    Path("study.yaml").write_text(yaml.safe_dump(described))
    shoal("tune", "study.yaml", *WORDS, "-q")
    assert_as_asked(plan_of("study"))


def test_a_study_that_is_joined_keeps_what_it_was_begun_with(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    shoal("tune", "train.py", *X, *WORDS, "-n", "2", "--name", "s", "-q")
    shoal("tune", "train.py", "-n", "4", "--name", "s", "-q")
    assert_as_asked(plan_of("s"))
    shoal("tune", "train.py", "-n", "5", "--name", "s", "--keep-checkpoints", "2", "-q")
    assert (plan_of("s").keep_checkpoints, plan_of("s").stopping) == (2, "asha")


@pytest.mark.parametrize(
    ("budget", "where"),
    [
        *((budget, "command line") for budget in ("epoch", "epoch:1", "epoch:9:1", "epoch:a:b", "epoch:1:inf")),
        *((budget, "study.yaml") for budget in ("epoch:1", "epoch:0:9")),
    ],
)
def test_a_malformed_budget_is_refused_with_the_right_form(folder: Path, budget: str, where: str) -> None:
    Path("train.py").write_text(SCRIPT)
    words = ["train.py", *X, "--budget", budget]
    if where == "study.yaml":
        described = {"objective": "train.py", "space": {"x": "(0.0, 1.0)"}, "budget": budget}
        Path("study.yaml").write_text(yaml.safe_dump(described))
        words = ["study.yaml"]
    said = shoal("tune", *words, "-n", "2", status=1)
    assert "Traceback" not in said
    assert "epoch" in said
    assert re.search(r"epoch:1:81|Budget\('epoch', 1, 81\)", said)
    assert not Path("shoal.files").exists()


@pytest.mark.parametrize("budget", [{"name": "epoch", "least": 1}, 81])
def test_a_budget_in_study_yaml_that_lacks_something_is_refused(folder: Path, budget: Any) -> None:
    Path("train.py").write_text(SCRIPT)
    described = {"objective": "train.py", "space": {"x": "(0.0, 1.0)"}, "budget": budget}
    Path("study.yaml").write_text(yaml.safe_dump(described))
    said = shoal("tune", "study.yaml", "-n", "2", status=1)
    assert "budget" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--stopping", "ahsa", "--budget", "epoch:1:9"], "unknown stopping rule 'ahsa'; did you mean 'asha'?"),
        (["--stopping", "asha-promote"], "needs a budget"),
        (["--stopping", "asha", "--stopping-setting", "etta=4"], "did you mean 'eta'?"),
        (["--stopping", "asha", "--stopping-setting", "eta=four"], "setting eta"),
        (["--stopping", "asha", "--stopping-setting", "eta"], "write it as"),
        (["--keep-checkpoints", "-1"], "keep_checkpoints must be 0 or more, got -1"),
    ],
)
def test_mistakes_get_an_error_that_helps(folder: Path, words: list[str], complaint: str) -> None:
    Path("train.py").write_text(SCRIPT)
    said = " ".join(shoal("tune", "train.py", *X, *words, "-n", "2", status=1).split())
    assert complaint in said
    assert "Traceback" not in said


def test_show_and_why_tell_of_each_time_that_a_trial_was_resumed(folder: Path) -> None:
    Path("train.py").write_text(SCRIPT)
    shoal("tune", "train.py", *X, "--budget", "epoch:1:9", "--stopping", "asha-promote", "-n", "9", "--name", "s",
          "--seed", "1", "--search", "random", "-q")  # fmt: skip
    best = Study.open("s").best
    assert len(best.resumed) == 2
    lines = shoal("show", "s", str(best.number)).splitlines()
    shown = [line.split(maxsplit=1)[1] for line in lines if line.split()[:1] == ["resumed"]]
    assert shown == list(best.resumed)
    assert re.fullmatch(r"promoted to epoch 3: .* at 1", shown[0])
    assert re.fullmatch(r"promoted to epoch 9: .* at 3", shown[1])
    assert "attempt 2" in lines[0]
    assert sum(line.startswith("    step") for line in lines) == 9
    told = shoal("why", "s", str(best.number))
    assert told.index(shown[0]) < told.index(shown[1]) < told.index("; done")
    assert json.loads(shoal("show", "s", str(best.number), "--json"))["resumed"] == shown
    worst = next(trial for trial in Study.open("s").trials if not trial.resumed)
    assert "resumed" not in shoal("show", "s", str(worst.number))


def offers(command: str, incomplete: str) -> set[str]:
    """What bash would offer after ``shoal COMMAND --stopping``."""
    words = f"shoal {command} --stopping {incomplete}"
    environment = {**os.environ, "_SHOAL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    code = "import sys; sys.argv[0] = 'shoal'; from shoal.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return set(done.stdout.split())


@pytest.mark.parametrize("command", ["tune", "simulate"])
def test_tab_completion_offers_the_rules(command: str) -> None:
    assert offers(command, "") == {*STOPPINGS, "none"}
    assert offers(command, "as") == {"asha", "asha-pareto", "asha-promote"}
    assert offers(command, "no") == {"none"}
