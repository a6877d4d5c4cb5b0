"""Several metrics at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import shoal
from shoal.models.fronts import crowding, order, ranks
from shoal.reports.pareto import front

SPACE = {name: shoal.uniform(0.0, 1.0) for name in "abcde"}
GOALS = {"near": "minimize", "score": "maximize"}


def run(search: str, seed: int, trials: int = 150) -> shoal.Study:
    """ZDT1 (Zitzler, Deb, Thiele 2000), its second loss maximised as a score; the front is where all but a are 0."""
    settings = {"others": {"score": "maximize"}} if search == "pareto" else {}
    study = shoal.Study(SPACE, metric="near", search=search, settings=settings, seed=seed)
    for _ in range(trials):
        trial = study.ask()
        p = trial.params
        g = 1 + 9 * sum(p[name] for name in "bcde") / 4
        study.tell(trial, {"near": p["a"], "score": -g * (1 - np.sqrt(p["a"] / g))})
    return study


def volume(study: shoal.Study) -> float:
    """The area that the front dominates below (1, 10)."""
    found = front(study._journal.history, GOALS)
    points = sorted((near, -score) for near, score in found.values[found.best])
    ends = [near for near, _ in points[1:]] + [1.0]
    return float(sum((end - near) * max(10 - loss, 0) for (near, loss), end in zip(points, ends, strict=True)))


def test_the_front_is_found_sooner_than_by_chance() -> None:
    """The whole front dominates 9 + 2/3 below (1, 10). The worst of five runs is better than the best of five at
    random: by chance, in one case of 252."""
    found, chance = ([volume(run(search, seed)) for seed in range(5)] for search in ("pareto", "random"))
    assert min(found) > max(chance)


def test_the_front_lies_in_several_places() -> None:
    study = run("pareto", 0)
    found = front(study._journal.history, GOALS)
    assert len(found.trials) >= 5
    assert np.ptp(found.values[found.best][:, 0]) > 0.25
    assert [study.trials[n].metrics["near"] for n in found.trials] == sorted(found.values[found.best][:, 0])


def test_each_trial_on_the_front_is_beaten_by_none() -> None:
    losses = np.random.default_rng(0).random((60, 3)).round(1)
    on = ranks(losses) == 0
    for k, point in enumerate(losses):
        beaten = any(np.all(other <= point) and np.any(other < point) for other in losses)
        assert beaten is not bool(on[k])


def test_the_ends_of_a_front_and_the_lonely_come_first() -> None:
    losses = np.array([[0.0, 1.0], [0.1, 0.9], [0.15, 0.85], [0.6, 0.4], [1.0, 0.0], [1.0, 1.0]])
    assert crowding(losses[:5]).tolist()[0] == crowding(losses[:5]).tolist()[4] == np.inf
    assert order(losses).tolist()[-1] == 5
    assert set(order(losses).tolist()[:2]) == {0, 4}
    assert order(losses).tolist()[2] == 3


def test_trials_that_lack_a_metric_or_failed_are_no_trouble() -> None:
    study = shoal.Study(SPACE, metric="near", search="pareto", settings={"others": {"score": "maximize"}}, seed=0)
    for k in range(40):
        trial = study.ask()
        a = trial.params["a"]
        study.tell(trial, ValueError("no") if k % 5 == 0 else {"near": a} if k % 3 == 0 else {"near": a, "score": -a})
    assert study.best.params["a"] < 0.1


def test_a_goal_that_there_is_not_is_refused() -> None:
    with pytest.raises(shoal.StudyError, match="unknown goal 'up'"):
        shoal.Study(SPACE, search="pareto", settings={"others": {"score": "up"}})


def test_trials_that_run_are_known_by_what_they_reported_last() -> None:
    options: dict[str, Any] = {"search": "pareto", "settings": {"others": {"size": "minimize"}}, "stopping": "none"}
    study = shoal.Study({"x": (0.0, 1.0)}, budget=shoal.Budget("epoch", 1, 9), seed=0, **options)
    trials = []
    for _ in range(12):  # with more than ten of them it would be said that none has told the size
        trials.append(study.ask())
        study.report(trials[-1], 1, loss=trials[-1].params["x"], size=1 - trials[-1].params["x"])
    for trial in trials:
        study.report(trial, 9, loss=trial.params["x"], size=3 - trial.params["x"])
        study.tell(trial)
    study.ask()
    assert search_of(study)._known == {t.number: [3 - t.params["x"]] for t in study.trials if t.outcome == "done"}


def search_of(study: shoal.Study) -> Any:
    return study._proposer._search


@pytest.mark.parametrize("kinds", [3, 10, 10**9])
def test_the_fronts_of_two_losses_are_those_of_any_number(kinds: int) -> None:
    """A third loss that all have in common changes no front; what ties, ties."""
    losses = np.random.default_rng(kinds).integers(kinds, size=(200, 2)).astype(float)
    np.testing.assert_array_equal(ranks(losses), ranks(np.column_stack([losses, np.zeros(200)])))
