"""What params matter: against functions whose shares of variance are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import shoal
from shoal.errors import StudyError
from shoal.history import History
from shoal.reports.importance import Importance, importance

UNIFORM = {name: shoal.uniform(0.0, 1.0) for name in "abcd"}


def told(space: Any, value: Callable[[dict[str, Any]], Any], trials: int = 400, goal: str = "minimize") -> History:
    """A history of random trials with their values."""
    study = shoal.Study(space, search="random", seed=1, goal=goal)
    for _ in range(trials):
        trial = study.ask()
        study.tell(trial, value(trial.params))
    return study._journal.history


def test_shares_are_those_of_a_sum_of_independent_params() -> None:
    """Var(k·u) = k²/12 for u uniform in [0, 1], so the shares of 4a + 2b are 16/20 and 4/20."""
    found = importance(told(UNIFORM, lambda p: 4 * p["a"] + 2 * p["b"]))
    assert list(found.fanova)[:2] == ["a", "b"]
    assert found.fanova["a"] == pytest.approx(0.8, abs=0.08)
    assert found.fanova["b"] == pytest.approx(0.2, abs=0.08)
    assert max(found.fanova["c"], found.fanova["d"], *found.pairs.values()) < 0.03
    assert found.mdi["a"] > found.mdi["b"] > max(found.mdi["c"], found.mdi["d"])
    assert sum(found.mdi.values()) == pytest.approx(1.0)


def test_a_pair_that_acts_together_alone_is_seen_as_a_pair() -> None:
    """With signs of a - ½ and b - ½ multiplied, neither explains anything alone, and both explain all of it."""
    history = told(UNIFORM, lambda p: float((p["a"] < 0.5) == (p["b"] < 0.5)), 1_000)
    found = importance(history)
    assert next(iter(found.pairs)) in [("a", "b"), ("b", "a")]
    assert max(found.pairs.values()) > 0.5
    assert max(found.fanova.values()) < 0.05


def test_choices_and_ints_count_by_how_often_they_are_drawn() -> None:
    """A choice of three whose first costs 3: its variance is 9 · 1/3 · 2/3 = 2. An int of 1 to 5: its variance is 2."""
    space = {"act": ["relu", "tanh", "sin"], "layers": (1, 5), "idle": shoal.loguniform(1e-6, 1.0)}
    found = importance(told(space, lambda p: 3.0 * (p["act"] == "relu") + p["layers"]))
    assert found.fanova["act"] == pytest.approx(0.5, abs=0.06)
    assert found.fanova["layers"] == pytest.approx(0.5, abs=0.06)
    assert found.fanova["idle"] < 0.02


def by_name(found: Importance, name: str) -> tuple[list[Any], Any]:
    one = next(one for one in found.dependence if one.name == name)
    return one.values, one.means


def test_the_dependence_follows_the_function_whatever_the_goal() -> None:
    space = {"lr": shoal.loguniform(1e-4, 1.0), "act": ["relu", "tanh"]}
    history = told(space, lambda p: -((np.log10(p["lr"]) + 2) ** 2) + (p["act"] == "tanh"), goal="maximize")
    found = importance(history)
    values, means = by_name(found, "lr")
    assert 1e-3 < values[int(np.argmax(means))] < 1e-1
    assert values == sorted(values)
    names, levels = by_name(found, "act")
    assert names == ["relu", "tanh"]
    assert levels[1] - levels[0] == pytest.approx(1.0, abs=0.15)


def test_conditional_params_failed_trials_and_other_metrics_are_no_trouble() -> None:
    space = {"opt": ["sgd", "adam"], "momentum": shoal.uniform(0.0, 1.0).when(opt="sgd"), "k": 3}

    def value(params: dict[str, Any]) -> Any:
        if params.get("momentum", 0.0) > 0.9:
            return ValueError("diverged")
        return {"loss": params.get("momentum", 2.0), "seconds": 5.0 if params["opt"] == "sgd" else 1.0, "note": "text"}

    history = told(space, value)
    assert set(importance(history).fanova) == {"opt", "momentum"}
    assert importance(history, "seconds").fanova["opt"] > 0.9
    with pytest.raises(StudyError, match="importances of 'note' need 10 trials that are done with it; there are 0"):
        importance(history, "note")


def test_where_nothing_varies_nothing_is_important() -> None:
    found = importance(told(UNIFORM, lambda p: 7.0, 20))
    assert set(found.fanova.values()) == {0.0}
    assert set(found.mdi.values()) == {0.0}


def test_too_few_trials_are_refused() -> None:
    with pytest.raises(StudyError, match="need 10 trials that are done with it; there are 9"):
        importance(told(UNIFORM, lambda p: p["a"], 9))


@pytest.mark.parametrize("trials", [10, 12, 30])
def test_of_a_function_of_one_param_all_is_that_of_the_param(trials: int) -> None:
    found = importance(told({"x": (0.0, 1.0)}, lambda params: (params["x"] - 0.3) ** 2, trials))
    assert found.fanova["x"] == pytest.approx(1.0, abs=0.05)
    assert found.fanova["x"] <= 1.0 + 1e-12
