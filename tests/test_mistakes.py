"""Mistakes that people make are refused in words that say what to write instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal.errors import StudyError
from shoal.study_file import read_study


class Forgetful:
    """A rule that says nothing where a trial is to go on."""

    def decide(self, number: int, report: Any, history: Any) -> Any:
        return shoal.Decision(stop=True, reason="late") if report.step >= 4 else None


def curve(params: dict[str, float]) -> Any:
    for epoch in range(1, 10):
        yield {"loss": params["x"] + 1 / epoch}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stopping": Forgetful()}, r"Forgetful.decide gave None for trial 0, .* return shoal.Decision\(\)"),
        ({"stopping": Forgetful}, r"pass an object of it: stopping=Forgetful\(\)"),
        ({"start": {"x": 1}}, "start is a list of params"),
        ({"start": [3]}, "start is a list of params"),
        ({"start": [{1: 2}]}, "start is a list of params"),
        ({"settings": 3}, "settings are a dict"),
        ({"settings": "x"}, "settings are a dict"),
        ({"settings": [1, 2]}, "settings are a dict"),
        ({"settings": {1: 2}}, "settings are a dict of names and values, .* got {1: 2}"),
        ({"settings": {"search_share": float("inf")}}, "setting 'search_share' must be finite, got inf"),
        ({"settings": {"search_share": object}}, "setting 'search_share': settings are numbers, text"),
        ({"stopping_settings": 3}, "settings are a dict"),
        ({"target": float("nan")}, "target must be a finite number"),
        ({"lease": 0}, "lease must be a number of seconds, above 0"),
        ({"grace": -1}, "grace must be a number of seconds, of 0 or more"),
        ({"timeout": -1}, "timeout must be a number of seconds, of 0 or more"),
        ({"timeout": float("nan")}, "timeout must be a number of seconds, of 0 or more"),
        ({"timeout": "a"}, "timeout must be a number of seconds, of 0 or more"),
        ({"trial_timeout": 5.0}, "trial_timeout: workers of 1 or more heed that"),
        ({"search": "pareto", "settings": {"others": {"los": "minimize"}}}, "none of 10 trials has reported 'los'"),
        (
            {"stopping": "asha-pareto", "stopping_settings": {"others": {"los": "minimize"}}},
            "none of 1[0-9] trials has reported 'los'",
        ),
    ],
)
def test_what_does_not_fit_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        shoal.tune(curve, {"x": (0.0, 1.0)}, workers=0, trials=20, progress=False, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"start": {"x": 0.5}}, "start is a list of params"),
        ({"start": 5}, "start is a list of params"),
        ({"start": ["x"]}, "start is a list of params"),
        ({"start": [dict]}, "start is a list of params"),
        ({"settings": [1, 2]}, "settings are a dict"),
        ({"settings": "x"}, "settings are a dict"),
        ({"settings": {1: 2}}, "settings are a dict of names and values, .* got {1: 2}"),
        ({"settings": {"search_share": float("inf")}}, "setting 'search_share' must be finite, got inf"),
    ],
)
def test_a_study_says_the_same_as_tune(given: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        shoal.Study({"x": (0.0, 1.0)}, **given)


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text("objective: f.py\ntrials: 2\ntrials: 3\n")
    with pytest.raises(StudyError, match="'trials' is there twice"):
        read_study(path)
    path.write_text("objective: f.py\nspace:\n  x: uniform(0, 1)\n  x: uniform(5, 6)\n")
    with pytest.raises(StudyError, match="'x' is there twice"):
        read_study(path)


def test_a_param_may_have_a_name_that_yaml_takes_for_true(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("space: {on: '(0.0, 1.0)', y: [yes, no]}")
    space = read_study(tmp_path / "study.yaml")["space"]
    assert space.names == ("on", "y")
    assert space.at([0.5, 0.1]) == {"on": 0.5, "y": True}


def tune(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "f.py").write_text("def q(p):\n    return p['x']\n")
    command = [sys.executable, "-m", "shoal", "tune", *words]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=100)


def test_settings_of_a_rule_that_is_replaced_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "objective: f.py:q\nname: s\nspace:\n  x: uniform(0, 1)\ntrials: 3\nbudget: epoch:1:9\nstopping: asha\n"
        "stopping_settings:\n  eta: 4\n"
    )
    assert tune(tmp_path, "study.yaml", "--stopping", "none", "--name", "t").returncode == 0
    assert tune(tmp_path, "study.yaml").returncode == 0
    done = tune(tmp_path, "--name", "s", "--stopping", "none", "-n", "4", "f.py:q")
    assert done.returncode == 0, done.stderr
    kept = shoal.Study.open("s", f"sqlite:///{tmp_path}/shoal.db")
    assert len(kept.trials) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-p", "x="], "after the = comes a domain"),
        (["-p", 'x=choice([{"a": 1}, 2'], "cannot be read"),
        (["-p", "x=uniform(0,1)", "--directory", "f.py"], "cannot write the files of the study in"),
    ],
)
def test_the_command_says_what_to_write(tmp_path: Path, words: list[str], said: str) -> None:
    done = tune(tmp_path, "f.py:q", "-n", "2", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_where_nothing_began_going_on_is_what_is_said(tmp_path: Path) -> None:
    done = tune(tmp_path, "f.py:q", "-p", "x=uniform(0,1)", "-n", "2", "--timeout", "0.0001", "--name", "s")
    assert "shoal resume s" in done.stdout
    assert "--trials" not in done.stdout
    assert "shoal show" not in done.stdout
