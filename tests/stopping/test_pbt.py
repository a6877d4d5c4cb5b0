"""Population-based training, by worked examples: a population of 4 or 8, compared at each of nine epochs."""

from __future__ import annotations

from contextlib import suppress
from time import sleep
from typing import Any

import pytest

import shoal
from shoal import Exhausted
from shoal.records import Ended, Started
from shoal.space import Params
from shoal.stopping.pbt import PBT
from simulations import Ran, Safe
from told import Told

WIDE = shoal.Space({"lr": shoal.loguniform(1e-4, 1.0), "units": (1, 100), "act": ["relu", "tanh"]})


def told_of(losses: list[float], rule: PBT | None = None, step: int = 1, **plan: Any) -> tuple[Told, list[int]]:
    """A population with these losses at a step, and who of it is stopped."""
    told = Told(rule or PBT(population=len(losses)), **plan)
    return told, [number for number, loss in enumerate(losses) if told.report(number, step, loss).stop]


def test_trials_that_save_nothing_begin_again_and_yet_come_to_an_end() -> None:
    def forgetful(params: Params) -> Any:
        for epoch in range(1, 10):
            yield {"loss": params["x"] / epoch, "epoch": epoch}

    study = shoal.tune(forgetful, {"x": (0.0, 1.0)}, trials=10, workers=0, stopping="pbt", search="random", seed=0,
                       stopping_settings={"population": 4, "interval": 2}, budget=shoal.Budget("epoch", 1, 9),
                       timeout=60.0, progress=False)  # fmt: skip
    assert study.reason == "all 10 trials have ended"
    assert study.best.reports[-1].step == 9


@pytest.mark.parametrize(("quantile", "worst"), [(0.25, 2), (0.125, 1), (0.5, 4), (0.3, 2)])
def test_the_worst_quantile_ends(quantile: float, worst: int) -> None:
    """Truncation selection: of 8 the worst 2, 1 or 4."""
    others = [0.1 * number for number in range(1, 8)]
    stopped = []
    for place in range(8):  # how many of the others are better
        told = Told(PBT(quantile=quantile))
        for number, loss in enumerate(others):
            told.report(number, 1, loss)
        stopped.append(told.report(7, 1, 0.1 * place + 0.05).stop)
    assert stopped == [False] * (8 - worst) + [True] * worst


def test_of_four_the_worst_alone_ends() -> None:
    assert told_of([0.1, 0.2, 0.3, 0.4])[1] == [3]
    assert told_of([0.4, 0.1, 0.2, 0.3])[1] == []  # the 4th was judged as the 3rd of 4
    told, _ = told_of([0.4, 0.1, 0.2, 0.3])
    decision = told.report(0, 2, 0.5)
    assert not decision.stop  # alone at epoch 2


def test_nothing_ends_while_a_step_holds_too_few_to_have_such_a_quantile() -> None:
    assert told_of([0.1, 0.2, 0.3])[1] == []
    assert told_of([0.1, 0.2], PBT(quantile=0.5))[1] == [1]


def test_the_reason_says_which_place_it_had_and_what_follows() -> None:
    told, _ = told_of([0.1, 0.2, 0.3])
    assert told.report(3, 1, 0.9).reason == "4th of 4 at epoch 1; an heir of a better one follows"


def test_between_two_comparisons_and_at_the_end_nothing_ends() -> None:
    told, stopped = told_of([0.1, 0.2, 0.3, 0.4], PBT(4, interval=3), step=2)
    assert stopped == []
    assert [number for number in range(4) if told.report(number, 3, 0.1 * number).stop] == [3]
    assert told_of([0.1, 0.2, 0.3, 0.4], step=9)[1] == []


def test_until_the_population_is_complete_the_search_proposes() -> None:
    told, _ = told_of([0.1, 0.2, 0.3, 0.4], PBT(population=6))
    assert [told.next(number).source for number in range(7)] == [None] * 6 + [0]


def test_an_heir_goes_on_from_one_of_the_best_quantile_with_its_params_changed() -> None:
    told = waiting([0.1 * number for number in range(8)], PBT(resample=0.0))
    sources = set()
    for number in range(8, 60):
        proposal = told.next(number)
        assert proposal.source is not None
        assert proposal.resume_from is None
        sources.add(proposal.source)
        x = told.history.params(proposal.source)["x"]
        assert proposal.params["x"] in (pytest.approx(1.2 * x), pytest.approx(0.8 * x))
        place = "1st" if proposal.source == 0 else "2nd"
        assert proposal.why.startswith(f"goes on from trial {proposal.source}, the {place} at epoch 1, with x ")
    assert sources == {0, 1}


def test_the_highest_step_that_holds_enough_says_who_is_best() -> None:
    told = waiting([0.1, 0.2, 0.3, 0.4, 0.5])
    for number, loss in ((0, 0.3), (1, 0.2), (2, 0.1)):
        told.start(number, 2)
        told.report(number, 2, loss)
        told.end(number, "paused")
    assert told.next(9).source == 0
    told.start(3, 2)
    told.report(3, 2, 0.4)
    assert told.next(9).source == 2


def explored(resample: float, params: Params) -> list[Params]:
    rule = PBT(population=2, quantile=0.5, resample=resample)
    told = Told(rule, space=WIDE.to_json())
    told.run(9, [0.5])  # for what the population is judged by
    found = [rule._explore(params, told.proposer._draws.at(number))[0] for number in range(80)]
    assert all(WIDE.validate(one) == one for one in found)
    return found


def test_numbers_are_multiplied_and_stay_within_their_bounds_and_choices_stay() -> None:
    for one in explored(0.0, {"lr": 1e-2, "units": 50, "act": "tanh"}):
        assert one["lr"] in (pytest.approx(1.2e-2), pytest.approx(0.8e-2))
        assert one["units"] in (60, 40)
        assert one["act"] == "tanh"
    for one in explored(0.0, {"lr": 1.0, "units": 1, "act": "relu"}):
        assert one["lr"] in (1.0, pytest.approx(0.8))
        assert one["units"] in (1, 2)


def test_params_that_are_drawn_anew_are_drawn_from_the_whole_space() -> None:
    found = explored(1.0, {"lr": 1e-2, "units": 50, "act": "tanh"})
    assert {one["act"] for one in found} == {"relu", "tanh"}
    assert min(one["lr"] for one in found) < 1e-3
    assert max(one["lr"] for one in found) > 0.1


def test_one_param_in_four_is_drawn_anew_by_default() -> None:
    """Of 80 · 2 numbers about 40: between 20 and 62 but once in ten thousand studies."""
    found = explored(0.25, {"lr": 1e-2, "units": 50, "act": "tanh"})
    kept = sum(one["lr"] in (pytest.approx(1.2e-2), pytest.approx(0.8e-2)) for one in found)
    kept += sum(one["units"] in (60, 40) for one in found)
    assert 160 - 62 < kept <= 160 - 20


def test_an_heir_is_not_compared_with_others_at_steps_before_it_began() -> None:
    """It was born at epoch 5; what it loses at epoch 6 says nothing of epoch 2."""
    told, _ = told_of([0.1, 0.2, 0.3])
    for step in (2, 3, 4, 5):
        told.report(0, step, 0.5 / step)
    for number in (4, 5, 6):
        told.start(number, source=0)
        told.report(number, 6, 0.01)
    told.report(1, 2, 0.25)
    assert not told.report(2, 2, 0.26).stop  # the 3rd of 3 that were ever at epoch 2


def test_one_that_failed_is_no_one_s_source() -> None:
    told = waiting([0.1, 0.2, 0.3, 0.4, 0.45])
    told.end(0, "failed")
    told.report(5, 1, 0.5)
    told.end(5, "stopped")
    assert told.next(9).source == 1


def waiting(losses: list[float], rule: PBT | None = None) -> Told:
    """A population that waits at epoch 1, but for those that were stopped there."""
    told, stopped = told_of(losses, rule)
    for number in range(len(losses)):
        told.end(number, "stopped" if number in stopped else "paused")
    return told


def test_trials_wait_at_each_comparison_and_the_one_that_is_furthest_behind_goes_on() -> None:
    told, stopped = told_of([0.1, 0.2, 0.3])
    assert stopped == []
    decision = told.report(3, 1, 0.15)
    assert (decision.pause, decision.reason) == (True, "2nd of 4 at epoch 1 when it got there")
    for number in range(4):
        told.end(number, "paused")
    turns = []
    for _ in range(3):
        proposal = told.next(4)
        assert proposal.resume_from is not None
        turns.append(proposal.resume_from)
        told.start(proposal.resume_from, 2)
        told.report(proposal.resume_from, 2, 0.1)
        told.end(proposal.resume_from, "paused")
    assert turns == [0, 1, 3]  # but not the worst
    assert (proposal.until, proposal.why) == (2, "goes on to epoch 2, as the one that is furthest behind")


def test_who_came_first_to_a_comparison_and_is_the_worst_of_all_that_came_later_has_an_heir_too() -> None:
    """One worker runs trials in the same order again and again: the first would never be compared."""
    told = waiting([0.9, 0.3, 0.2, 0.1])
    proposal = told.next(4)
    assert (proposal.source, proposal.resume_from) == (3, None)
    told.start(4, 2, source=3)
    told.report(4, 2, 0.05)
    told.end(4, "paused")
    assert [told.next(5).resume_from, told.next(-1).resume_from] == [1, 1]
    assert 0 in told.history.parked


def test_those_that_wait_go_on_before_one_that_came_to_its_end_is_followed_by_another() -> None:
    told = waiting([0.1, 0.2, 0.3, 0.15], PBT(population=3))
    for epoch in range(2, 10):
        told.report(0, epoch, 0.1)
    told.end(0)
    assert told.next(4).resume_from == 1


def test_where_no_trial_waits_and_none_may_begin_there_is_nothing_to_do() -> None:
    told, _ = told_of([0.1, 0.2, 0.3, 0.4])
    with pytest.raises(Exhausted, match="no trial of the population waits"):
        told.next(-1)


def test_where_more_is_better_the_lowest_end() -> None:
    assert told_of([0.4, 0.3, 0.2, 0.1], goal="maximize")[1] == [3]


def test_heirs_begin_where_their_sources_were() -> None:
    ran = Ran(stopping="pbt", peers=4, problem=Safe(), stopping_settings={"population": 4})
    heirs = [number for number in range(60) if ran.history.source(number) is not None]
    assert len(heirs) > 10
    for number in heirs:
        first = ran.history.reports(number)[0].step
        source = ran.history.source(number)
        assert source is not None
        assert 1 < first <= ran.history.reports(source)[-1].step + 1


def test_heirs_have_used_the_seconds_that_their_sources_had() -> None:
    """With a budget in seconds, all are trained for as long, whatever part of it was another's."""

    def train(params: Params, trial: Any) -> Any:
        state = trial.checkpoint / "state"
        step = int(state.read_text()) if state.exists() else 0
        while True:
            sleep(0.01)
            state.write_text(str(step := step + 1))
            yield {"loss": params["x"] + 1 / step, "step": step}

    study = shoal.tune(train, {"x": (0.0, 1.0)}, trials=12, workers=0, stopping="pbt", search="random", seed=0,
                       stopping_settings={"population": 4}, budget=shoal.Budget("seconds", 0.05, 0.3),
                       timeout=60.0, progress=False)  # fmt: skip
    firsts = {trial.reports[0].step: trial.reports[0].seconds for trial in study.trials if trial.reports}
    assert max(firsts) > 5  # of an heir
    assert all(seconds >= 0.01 * step for step, seconds in firsts.items())
    done = [trial.reports[-1].step for trial in study.trials if trial.outcome == "done"]
    assert done
    assert max(done) <= 30 + 1


@pytest.mark.parametrize("start", [{"n": 1, "x": 0.5}, {"n": 2, "x": -0.5}, {"n": 5, "x": 0.0}])
def test_a_small_integer_and_a_zero_are_changed_too(start: Params) -> None:
    """2 · 1.2 and 2 · 0.8 are both rounded to 2, and 0 · 1.2 is 0: heirs of such a trial would never differ."""
    rule = PBT(population=2, quantile=0.5, resample=0.0)
    told = Told(rule, space=shoal.Space({"n": (0, 100), "x": (-1.0, 1.0)}).to_json())
    found = [rule._explore(start, told.proposer._draws.at(number))[0] for number in range(20)]
    for name in ("n", "x"):
        assert min(one[name] for one in found) < start[name] < max(one[name] for one in found)


@pytest.mark.parametrize(
    ("domain", "value", "expected"),
    [
        (shoal.reverseloguniform(0.9, 0.9999), 0.99, [0.992, 0.988]),  # what lacks to 1 is a fifth less, or more
        (shoal.uniform(100.0, 110.0), 105.0, [103.0, 107.0]),  # a fifth of the range, not of the value
        (shoal.uniform(0.0, 1.0), 0.5, [0.4, 0.6]),
    ],
)
def test_a_number_is_moved_on_its_own_scale_and_within_its_range(
    domain: Any, value: float, expected: list[float]
) -> None:
    found = [PBT()._moved(value, domain, factor) for factor in (0.8, 1.2)]
    assert found == pytest.approx(expected, abs=1e-9)


def test_no_trial_goes_on_from_one_that_was_stopped() -> None:
    """Where those were taken that had been good once, up to 97 of 200 trials were heirs of one of them."""
    ran = Ran(peers=1, problem=Safe(), stopping="pbt", trials=200, stopping_settings={"interval": 1})
    states, sources = dict[int, str](), list[str]()
    for record in ran.records:
        if isinstance(record, Ended):
            states[record.number] = record.outcome
        elif isinstance(record, Started):
            states[record.number] = "running"
            if record.attempt == 0 and record.source >= 0:
                sources.append(states[record.source])
    assert len(sources) > 100
    assert "stopped" not in sources


def test_params_are_explored_where_hardly_any_meet_the_constraints() -> None:
    space = shoal.Space({"x": (0.0, 1.0), "y": (0.0, 1.0)}, where="x + y < 0.002")
    study = shoal.Study(space, search="random", seed=0, trials=30, start=[{"x": 0.0005, "y": 0.0005}],
                        stopping="pbt", budget=shoal.Budget("epoch", 1, 9))  # fmt: skip
    for _ in range(80):
        with suppress(Exhausted):
            trial = study.ask()
            for epoch in range(trial.last_step + 1, 10):
                decision = study.report(trial, epoch, loss=trial.params["x"] + 1 / epoch)
                if decision.stop or decision.pause:
                    break
            study.tell(trial)
    assert sum("goes on from trial" in trial.why for trial in study.trials) > 2


def test_comparisons_are_where_trials_report_though_the_budget_is_no_whole_number() -> None:
    rule = PBT(population=2, interval=0.1)
    Told(rule, shoal.Budget("share", 0.1, 0.6))
    assert [rung.level for rung in rule.ladder.rungs] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
