"""A study whose trials do what a test says, one record after the other: for stopping rules by worked examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import shoal
from shoal.contracts import Decision, Proposal, Stopping
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import AnyRecord, Definition, Ended, Outcome, Reported, Started, write_params
from shoal.search.random import Random

SPACE = shoal.Space({"x": (0.0, 1.0)})
EPOCHS = shoal.Budget("epoch", 1, 9)


class Told:
    """What one peer knows of such a study, and what its rule makes of it."""

    def __init__(self, rule: Stopping, budget: shoal.Budget | None = EPOCHS, **plan: Any) -> None:
        self.history = History(Definition(**{"name": "s", "space": SPACE.to_json(), "budget": budget, **plan}))
        self.rule = rule
        self.proposer = Proposer(self.history, Random(), rule)
        self.records: list[AnyRecord] = []

    def tell(self, *records: AnyRecord) -> None:
        for record in records:
            self.records.append(record)
            if self.history.fold(record):
                self.proposer.tell(record)

    def start(self, number: int, until: float = 0.0, x: float = 0.5, source: int = -1) -> None:
        """Begin the next attempt at a trial."""
        attempt = self.history.attempt(number) + 1
        self.tell(Started(number, write_params({"x": x}), "p", 0.0, attempt=attempt, until=until, source=source))

    def report(
        self, number: int, step: int, loss: float | None = None, saved: bool = False, **metrics: Any
    ) -> Decision:
        """What becomes of a trial that reports; it is begun with its first report."""
        if self.history.attempt(number) < 0:
            self.start(number)
        told = metrics if loss is None else {"loss": loss, **metrics}
        record = Reported(number, step, told, 0.0, self.history.attempt(number), metrics.get("seconds", 0.0), saved)
        self.tell(record)
        return self.proposer.decide(number, record)

    def end(self, number: int, outcome: Outcome = "done", loss: float = 0.5) -> None:
        attempt = self.history.attempt(number)
        metrics = {"loss": loss} if outcome == "done" else {}
        self.tell(Ended(number, outcome, 0.0, metrics, attempt=attempt, decided=outcome == "paused"))

    def run(self, number: int, losses: Sequence[float | None], x: float = 0.5) -> list[Decision]:
        """What is decided of a trial that reports a loss at each step from 1 on, until it is over."""
        self.start(number, x=x)
        found = []
        for step, loss in enumerate(losses, 1):
            found.append(self.report(number, step, loss))
            if found[-1].stop:
                self.end(number, "stopped")
                return found
        self.end(number, loss=next(loss for loss in reversed(losses) if loss is not None))
        return found

    def park(self, number: int, step: int, loss: float, until: float) -> Decision:
        """Run a trial to where it is paused."""
        self.start(number, until)
        decision = self.report(number, step, loss)
        assert decision.pause
        self.end(number, "paused")
        return decision

    def next(self, number: int) -> Proposal:
        """What a free peer is to do: begin the trial of that number (-1: none), or go on with another."""
        return self.proposer.propose(number)

    def late(self, rule: Stopping) -> Told:
        """A peer that joins now, and reads all that was told."""
        joined = Told.__new__(Told)
        joined.history = History(self.history.definition)
        joined.history.fold_all(self.records)
        joined.rule, joined.records = rule, list(self.records)
        joined.proposer = Proposer(joined.history, Random(), rule)
        return joined


def choices(told: Told, turns: int, losses: Mapping[int, float]) -> Iterator[tuple[int, float]]:
    """What a lone peer does, turn after turn: (trial, until); each loses what is said, divided by the epoch."""
    for _ in range(turns):
        number = told.history.length
        proposal = told.next(number)
        chosen = number if proposal.resume_from is None else proposal.resume_from
        yield chosen, proposal.until
        told.start(chosen, proposal.until)
        if told.report(chosen, int(proposal.until), losses[chosen] / proposal.until).pause:
            told.end(chosen, "paused")
        else:
            told.end(chosen)
