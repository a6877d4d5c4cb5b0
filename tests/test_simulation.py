"""What a simulation says of a search, a rule and a number of peers."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal.engines.simulated import Curve, Faults
from shoal.records import Budget
from shoal.simulation import Simulated, full_seconds, simulate
from shoal.space import Params
from simulations import ALL, SPACE, Ran, Safe, Training

RULES = ["none", "asha", "asha-promote", "hyperband", "median", "pbt"]
WHOLE = 2.5 * 9  # seconds that a trial takes on average


def run(
    peers: int = 8, until: float = 60 * WHOLE / 8, faults: Faults | None = None, problem: Training | None = None,
    **plan: Any,
) -> Simulated:  # fmt: skip
    fields = {"space": SPACE.to_json(), "budget": {"name": "epoch", "least": 1, "most": 9}, "search": "random",
              "stopping": "none", "seed": 1, "max_failures": None, **plan}  # fmt: skip
    return simulate(problem or Safe(), fields, peers, until, faults)


@pytest.mark.parametrize("stopping", RULES)
@pytest.mark.parametrize("faults", [None, ALL])
def test_the_same_seed_gives_the_same_and_another_another(stopping: str, faults: Faults | None) -> None:
    one, two, other = (str(asdict(run(stopping=stopping, faults=faults, seed=seed))) for seed in (1, 1, 2))
    assert one == two != other


@pytest.mark.parametrize("stopping", RULES)
@pytest.mark.parametrize("faults", [None, ALL])
@pytest.mark.parametrize("peers", [1, 8, 50])
def test_shares_are_shares_and_sums_add_up(stopping: str, faults: Faults | None, peers: int) -> None:
    found = run(peers, stopping=stopping, faults=faults)
    assert 0 < found.utilisation <= 1 + 1e-9
    assert 0 <= found.saved < 1
    assert (found.lost is None) == (found.best is None)
    assert (found.lost or 0.0) >= 0
    assert found.cost == pytest.approx(found.utilisation * peers * found.seconds)
    assert found.seconds <= 60 * WHOLE / 8
    assert sum(found.outcomes.values()) == found.trials
    assert (found.peers, found.search, found.stopping) == (peers, "random", stopping)


def test_a_lone_peer_runs_as_many_whole_trials_as_it_has_time_for() -> None:
    """The i-th ends after the first i have taken their time; what runs at the end is cut off."""
    found = run(1, until=100 * WHOLE)
    assert found.utilisation == pytest.approx(1.0)
    assert found.outcomes["running"] == 1
    assert abs(found.outcomes["done"] - 100) < 4 * math.sqrt(100 * 0.75) / 2.5 + 1  # the cost's variance is 3²/12
    assert (found.saved, found.lost) == (0, 0)
    assert found.seconds == found.cost == 100 * WHOLE


def test_a_study_with_a_number_of_trials_ends_with_the_last_of_them() -> None:
    found = run(4, until=math.inf, trials=40)
    assert found.outcomes == {"done": 40}
    assert 0.8 < found.utilisation <= 1
    assert (found.saved, found.lost) == (pytest.approx(0, abs=1e-9), 0)


def test_who_watches_is_told_the_time_and_the_trials_on_the_way() -> None:
    seen: list[tuple[float, int]] = []
    plan = {"space": SPACE.to_json(), "search": "random", "seed": 1}
    found = simulate(Safe(), plan, 2, 20 * WHOLE, progress=lambda seconds, trials: seen.append((seconds, trials)))
    assert seen == sorted(seen)
    assert seen[0] == (0.0, 0)
    assert seen[-1] == (pytest.approx(found.seconds, abs=WHOLE), found.trials)


@pytest.mark.parametrize("stopping", ["asha", "asha-promote"])
def test_a_rule_saves_time_and_so_begins_more_trials(stopping: str) -> None:
    all_of_them, some = run(), run(stopping=stopping)
    assert all_of_them.saved == pytest.approx(0, abs=1e-9)
    assert all_of_them.lost == 0
    assert some.saved > 0.3
    assert some.trials > 1.5 * all_of_them.trials
    assert some.cost <= all_of_them.cost * 1.1


class Crossing(Safe):
    """The first epoch says the opposite of the last."""

    def curve(self, params: dict[str, Any]) -> Any:
        x = params["x"]
        return [(epoch, {"loss": 1 - x if epoch < 9 else x}, float(epoch)) for epoch in range(1, 10)]


def test_a_rule_that_throws_away_what_would_have_won_loses_and_one_that_keeps_it_does_not() -> None:
    wrong, right = (run(problem=problem, stopping="asha", search="sobol") for problem in (Crossing(), Safe()))
    assert wrong.best is not None
    assert 0.2 < wrong.lost <= wrong.best  # the best that was begun is at 0 or above
    assert right.lost < 0.01


def test_where_more_is_better_the_best_is_the_greatest_and_lost_is_no_less_than_zero() -> None:
    found = run(goal="maximize")
    assert found.best == found.points[-1][2] == max(best for _, _, best in found.points)
    assert found.best > 0.5
    assert found.lost == 0
    assert run(goal="maximize", stopping="asha", problem=Crossing()).lost > 0.1


def test_points_rise_in_time_and_cost_and_fall_in_value_to_the_best() -> None:
    found = run(stopping="asha")
    times, costs, values = (list(column) for column in zip(*found.points, strict=True))
    assert len(found.points) > 2
    assert times == sorted(times)
    assert costs == sorted(costs)
    assert values == sorted(set(values), reverse=True)
    assert values[-1] == found.best
    assert times[-1] <= found.seconds
    assert costs[-1] <= found.cost


def test_failures_fail_as_many_trials_as_is_said() -> None:
    found = run(until=400 * WHOLE / 8, faults=Faults(failures=0.25))
    ended = found.outcomes["done"] + found.outcomes["failed"]
    assert abs(found.outcomes["failed"] - ended / 4) < 4 * math.sqrt(ended * 0.25 * 0.75)
    assert "failed" not in run().outcomes
    assert found.trials > run(until=400 * WHOLE / 8).trials  # a trial that failed is the shorter for it


@pytest.mark.parametrize("stopping", ["asha", "asha-promote", "pbt"])
def test_a_trial_that_is_paused_and_gone_on_with_is_no_more_likely_to_fail(stopping: str) -> None:
    """None but those fail that would have failed where nothing stops."""
    doomed, failed = (
        set(Ran(Faults(failures=0.3), 4, problem=Safe(), stopping=rule, trials=400).history.numbers("failed"))
        for rule in ("none", stopping)
    )
    assert 10 < len(failed) < len(doomed) < 120 + 4 * math.sqrt(400 * 0.3 * 0.7)
    assert failed < doomed


class Uneven:
    """Two trials without reports: one of 100 seconds, one of ten."""

    def curve(self, params: Params) -> Curve:
        return [(1, {"loss": params["x"]}, {1: 10.0, 2: 100.0}[params["x"]])]


def test_the_cost_until_a_trial_was_done_is_what_all_peers_had_run_by_then() -> None:
    plan = {"space": shoal.Space({"x": [2, 1]}).to_json(), "search": "grid", "trials": 2}
    found = simulate(Uneven(), plan, 2, math.inf)
    assert found.points == [(10.0, 20.0, 1)]
    assert (found.cost, found.seconds) == (110.0, 100.0)


class Returning(Safe):
    def curve(self, params: Params) -> Curve:
        return [(1, metrics, seconds) for _, metrics, seconds in super().curve(params)[-1:]]


@pytest.mark.parametrize("stopping", [*RULES, "auto"])
def test_what_says_its_loss_at_its_end_alone_is_stopped_by_no_rule(stopping: str) -> None:
    assert run(4, math.inf, problem=Returning(), stopping=stopping, trials=40).outcomes == {"done": 40}


def test_slower_peers_do_less_in_the_same_time() -> None:
    spread, alike = run(faults=Faults(speed_spread=4.0)), run()
    assert spread.utilisation == pytest.approx(alike.utilisation, abs=0.05)
    assert alike.trials / 4 < spread.trials < alike.trials * 0.85


@pytest.mark.parametrize("faults", [Faults(speed_spread=16.0), Faults(failures=0.3), Faults(deaths=0.05), ALL])
def test_what_is_slow_lost_or_failed_is_not_what_a_rule_saved_or_lost(faults: Faults) -> None:
    whole = run(until=400 * WHOLE / 8, faults=faults, retries=50)
    assert (whole.saved, whole.lost) == (pytest.approx(0, abs=1e-9), 0)
    stopped, alike = (run(until=math.inf, stopping="asha", trials=300, faults=f, retries=50) for f in (faults, None))
    assert stopped.saved == pytest.approx(alike.saved, abs=0.05)


def test_peers_that_die_leave_time_unused() -> None:
    found = run(4, until=2000.0, faults=Faults(deaths=0.05), retries=50)
    assert found.utilisation < 0.75
    assert run(4, until=2000.0).utilisation > 0.99


def test_more_peers_find_as_much_sooner() -> None:
    one, eight = (run(peers, until=64 * WHOLE / peers) for peers in (1, 8))
    assert eight.seconds == one.seconds / 8
    assert eight.cost == pytest.approx(one.cost, rel=0.01)
    assert abs(eight.trials - one.trials) < 16


def test_time_so_short_that_no_trial_ends_finds_nothing_and_says_so() -> None:
    found = run(8, until=5.0)
    assert (found.best, found.points) == (None, [])
    assert found.lost is None
    assert found.outcomes == {"running": 8}


def test_params_that_a_problem_refuses_are_no_cost_and_no_loss() -> None:
    found = run(until=400 * WHOLE / 8, problem=Training())
    assert found.outcomes["failed"] > 0
    assert (found.saved, found.lost) == (pytest.approx(0, abs=1e-9), 0)


def test_a_whole_trial_takes_what_random_ones_take_on_average() -> None:
    assert full_seconds(Safe(), SPACE) == pytest.approx(WHOLE, abs=4 * 9 * 0.87 / 10)  # 100 of them, of deviation 0.87


def test_nothing_is_written_into_the_files_of_a_study_of_the_user_s_own(folder: Path) -> None:
    study = shoal.tune(saves, {"x": (0.0, 1.0)}, trials=6, workers=0, name="simulated", search="random", progress=False)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "shoal.db" not in path.name}
    assert sum(path.name == "state" for path in before) == len(study.trials) == 6
    for stopping in ("asha", "asha-promote", "pbt"):
        assert run(stopping=stopping, faults=Faults(failures=0.2), keep_checkpoints=1).trials > 6
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and "shoal.db" not in path.name}
    assert after == before


def saves(params: dict[str, float], trial: Any) -> float:
    (trial.checkpoint / "state").write_text("mine")
    return params["x"]


def test_a_budget_is_needed_by_rules_that_say_so() -> None:
    with pytest.raises(shoal.StudyError, match="'asha-promote' needs a budget"):
        run(budget=None, stopping="asha-promote")
    assert run(budget=None).stopping == "none"
    assert run(budget=Budget("epoch", 1, 9), stopping="").stopping == "auto"
