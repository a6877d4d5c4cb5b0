"""What becomes of a trial that is cut short: told to end, lost with its peer, or run by another meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from rules import At
from shoal import catalog
from shoal.clock import RealClock
from shoal.contracts import Stopping
from shoal.engines.simulated import VirtualClock
from shoal.files import has_checkpoint, made_checkpoint
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.peer import Peer
from shoal.records import Defined, Definition, Ended, Reported, Started, write_params
from shoal.stores.memory import MemoryStore

EPOCHS = 9


class Study:
    """A study of one trial, and its peer; ``told`` within the trial, it has no time left."""

    def __init__(self, folder: Path, budget: bool = True) -> None:
        self.store = MemoryStore()
        plan = Definition(
            name="s", space=shoal.Space({"x": (0.0, 1.0)}).to_json(), trials=1, search="random", stopping="none",
            budget=shoal.Budget("epoch", 1, EPOCHS) if budget else None, directory=str(folder),
        )  # fmt: skip
        self.store.create("s", Defined(1, plan, 0.0))
        self.store.beat("s", "peer", 600.0)
        self.clock = RealClock()
        self.journal = Journal(self.store, "s", "peer", self.clock)

    def run(self, objective: Callable[..., Any], rule: Stopping | None = None) -> shoal.Trial:
        think = catalog.thinker(None, rule, self.clock)
        self.peer = Peer(self.journal, think, catalog.objective(objective), self.clock)
        for _ in self.peer.run():
            pass
        return self.journal.history.trial(0)

    def told(self) -> None:
        self.peer.stop("told to end", 0.0)

    def lost(self, *reports: Reported) -> None:
        """Attempt 0 was lost with another peer."""
        grant = self.store.take("s", "other", 1, 1, ())
        assert grant is not None
        started = Started(0, write_params({"x": 0.5}), "other", 0.0)
        self.store.append("s", "other", [started, *reports, Ended(0, "lost", 9.0)])
        self.store.leave("s", "other")
        self.journal.sync()


@pytest.fixture
def study(folder: Path) -> Study:
    return Study(folder)


@pytest.mark.parametrize("last", [4, EPOCHS])
@pytest.mark.parametrize("kind", ["function", "generator", "class"])
def test_a_trial_that_was_told_to_end_is_paused_unless_it_has_used_its_budget(
    kind: str, last: int, study: Study
) -> None:
    def function(params: dict[str, float], trial: Any) -> float:
        for epoch in range(1, EPOCHS + 1):
            if epoch == last:
                study.told()
            trial.report(epoch, loss=1 / epoch)
        return 1 / EPOCHS

    def generator(params: dict[str, float]) -> Iterator[float]:
        for epoch in range(1, EPOCHS + 1):
            if epoch == last:
                study.told()
            yield 1 / epoch

    class Trains:
        epoch = 0

        def step(self) -> float | None:
            self.epoch += 1
            if self.epoch == last:
                study.told()
            return 1 / self.epoch if self.epoch <= EPOCHS else None

    objective: Any = {"function": function, "generator": generator, "class": Trains}[kind]
    trial = study.run(objective)
    assert trial.reports[-1].step == last
    assert (trial.outcome, trial.value) == (("done", 1 / EPOCHS) if last == EPOCHS else ("paused", None))


@pytest.mark.parametrize("way", ["return", "exit", "raise", "raise in a generator"])
def test_what_was_told_to_end_is_paused_whatever_it_makes_of_that(way: str, study: Study) -> None:
    def function(params: dict[str, float], trial: Any) -> float:
        study.told()
        try:
            trial.report(1, loss=0.1)
        except shoal.Halted as halted:
            if way == "raise":
                raise RuntimeError("the trainer was stopped") from halted
            return 0.1 if way == "return" else sys.exit(0)
        raise AssertionError("it should have been ended")

    def generator(params: dict[str, float]) -> Iterator[float]:
        try:
            study.told()
            yield 0.1
        finally:
            raise RuntimeError("the trainer was stopped")

    trial = study.run(generator if "generator" in way else function)
    said = {"return": "", "exit": "; on its way out: the objective called sys.exit(0)"}
    why = said.get(way, "; on its way out: RuntimeError: the trainer was stopped")
    assert (trial.outcome, trial.value, trial.reason) == ("paused", None, f"told to end{why}")


def test_a_trial_that_is_told_to_end_where_it_was_to_be_paused_is_promoted_as_any(study: Study) -> None:
    def generator(params: dict[str, float]) -> Iterator[float]:
        study.told()
        yield 0.1

    assert study.run(generator, At(1, pause=True)).reason == "step 1 is enough for trial 0"
    assert 0 in study.journal.history.parked


def test_a_function_that_comes_to_its_end_untold_is_done_however_late(folder: Path) -> None:
    study = Study(folder, budget=False)

    def function(params: dict[str, float], trial: Any) -> float:
        trial.report(1, loss=0.2)
        study.told()
        return 0.1

    assert (study.run(function).outcome, study.run(function).value) == ("done", 0.1)


class Speaks(At):
    """Tells why a trial may go on, too."""

    def decide(self, number: int, report: Any, history: Any) -> shoal.Decision:
        decision = super().decide(number, report, history)
        return shoal.Decision(decision.stop, decision.pause, decision.reason or "all is well")


@pytest.mark.parametrize("rule", [Speaks(99), Speaks(3)])
def test_a_reason_to_go_on_ends_no_trial(rule: Speaks, study: Study) -> None:
    trial = study.run(lambda params: (1 / epoch for epoch in range(1, EPOCHS + 1)), rule)
    assert (trial.outcome, trial.reports[-1].step) == (("done", EPOCHS) if rule.step > EPOCHS else ("stopped", 3))


@pytest.mark.parametrize("silent", [False, True])
def test_a_checkpoint_stays_where_another_peer_has_begun_the_trial_again(silent: bool, study: Study) -> None:
    """The peer was silent for longer than its lease; what it makes of the trial does not count."""

    def generator(params: dict[str, float], trial: Any) -> Iterator[float]:
        (trial.checkpoint / "state").touch()
        if silent:
            again = Started(0, write_params(params), "other", 0.0, attempt=1)
            study.store.append("s", "other", [again, Ended(0, "done", 0.0, {"loss": 1.0}, attempt=1)])
        yield from (0.5, 0.25)

    trial = study.run(generator, At(1))
    assert (trial.outcome, trial.attempt) == (("done", 1) if silent else ("stopped", 0))
    assert has_checkpoint(study.journal.history.definition, 0) == silent


def test_a_checkpoint_of_work_that_no_one_was_told_of_does_not_leave_a_trial_without_a_result(study: Study) -> None:
    """It was lost between its last save and its first report: all is done again."""
    study.lost()
    (made_checkpoint(study.journal.history.definition, 0) / "epoch").write_text(str(EPOCHS))

    def generator(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
        state = trial.checkpoint / "epoch"
        for epoch in range(int(state.read_text()) + 1 if state.exists() else 1, EPOCHS + 1):
            state.write_text(str(epoch))
            yield {"epoch": epoch, "loss": 1 / epoch}

    trial = study.run(generator)
    assert (trial.outcome, trial.reason, trial.attempt, trial.value) == ("done", "", 1, 1 / EPOCHS)


def test_an_objective_that_saves_and_gives_no_result_is_begun_anew_once(study: Study) -> None:
    study.lost()
    ran: list[bool] = []

    def function(params: dict[str, float], trial: Any) -> None:
        ran.append((trial.checkpoint / "state").exists())
        (trial.checkpoint / "state").touch()

    (made_checkpoint(study.journal.history.definition, 0) / "state").touch()
    trial = study.run(function)
    assert (trial.outcome, ran) == ("failed", [True, False])
    assert trial.reason.startswith("the objective ended without a result")


@pytest.mark.parametrize(("saved", "seconds"), [(True, 7.0), (False, 0.0)])
def test_the_seconds_of_a_trial_are_those_of_what_it_goes_on_from(saved: bool, seconds: float, study: Study) -> None:
    study.lost(*(Reported(0, epoch, {"loss": 1.0}, 0.0, 0, epoch + 4.0, saved) for epoch in (1, 2, 3)))
    if saved:
        (made_checkpoint(study.journal.history.definition, 0) / "epoch").touch()
    assert LiveTrial(study.journal, 0, 1, {"x": 0.5}, "cpu", VirtualClock()).ran == seconds
