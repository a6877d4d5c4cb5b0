"""Population-based training: the worst trials end, and new ones go on from the checkpoints of the best with other
params.

M. Jaderberg et al.: Population Based Training of Neural Networks. 2017. Params thus follow a schedule over the training
that no constant can match; needs checkpoints.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from shoal.contracts import GO, Decision, Proposal, Search
from shoal.errors import Exhausted, SpaceError, StudyError
from shoal.history import History
from shoal.models.rungs import Ladder, Rung, is_whole, ordinal, rounded
from shoal.proposals import begin
from shoal.records import AnyRecord, Reported
from shoal.space import Params
from shoal.space.domain import Domain
from shoal.trial import Report


@dataclass
class PBT:
    """Settings: the population; the budget between two comparisons; the quantile of the worst, which are replaced, and
    of the best, which they go on from; how often a param is drawn anew rather than multiplied by a factor."""

    needs_budget: ClassVar[bool] = True
    copies: ClassVar[bool] = True
    population: int = 8
    interval: float | None = None  # a tenth of the budget by default, whole where both of its ends are
    quantile: float = 0.25
    resample: float = 0.25
    factors: tuple[float, float] = (1.2, 0.8)

    def __post_init__(self) -> None:
        if self.population < 2 or not 0 < self.quantile <= 0.5 or not 0 <= self.resample <= 1:
            raise StudyError(f"pbt needs population >= 2, quantile in (0, 0.5] and resample in [0, 1]; got {self}")
        if (self.interval is not None and not self.interval > 0) or not min(self.factors) > 0:
            raise StudyError(f"pbt needs interval > 0 and factors > 0, got {self}")

    def around(self, search: Search) -> None:
        self._search = search

    def begin(self, history: History) -> None:
        budget = history.definition.budget
        assert budget is not None
        self._history, self._most = history, budget.most
        interval = self.interval or max((budget.most - budget.least) / 10, budget.least)
        if self.interval is None and is_whole(budget.least, budget.most):
            interval = float(round(interval))  # as the rungs of other rules
        if self.interval is not None and interval >= budget.most > budget.least:
            raise StudyError(f"pbt never compares: its interval {interval:g} is not below the budget's {budget.most:g}")
        count = max(int(budget.most / interval + 1e-9), 1)
        self.ladder = Ladder(history, [rounded(interval * (k + 1)) for k in range(count)])
        begin(self._search, history)

    def tell(self, record: AnyRecord) -> None:
        self.ladder.tell(record)
        self._search.tell(record)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        """Stop the worst at each comparison; have the others wait, so that all of the population get as far."""
        spent = history.spent(report)
        rung = self.ladder.entered(number, report)
        if rung is None or rung is self.ladder.rungs[-1] or spent < history.until(number):
            return GO  # a trial without a checkpoint passes again what it had passed
        where = f"{ordinal(rung.rank(rung.of[number]) + 1)} of {len(rung)} at {self._history.amount(rung.level)}"
        if self._is_worst(number, rung):
            return Decision(stop=True, reason=f"{where}; an heir of a better one follows")
        return Decision(pause=True, reason=f"{where} when it got there")

    def _is_worst(self, number: int, rung: Rung) -> bool:
        """Whether a trial is of the worst quantile at a rung, of all that got there so far."""
        enough = len(rung) >= max(1 / self.quantile, 2)
        return enough and rung.rank(rung.of[number]) >= (1 - self.quantile) * len(rung)

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        waiting = sorted((self.ladder.reached(trial), trial) for trial in self._history.parked)
        # who came first to a comparison was found to be of the worst when the others had come, too
        waiting = [(k, trial) for k, trial in waiting if not (k and self._is_worst(trial, self.ladder.rungs[k - 1]))]
        alive = len(waiting) + len(self._history.running)
        finished = self._history.counts["done"] % self.population  # no places to fill while others are on their way
        if number >= 0 and number < self.population:
            return self._begin(number, rng)
        if number >= 0 and alive + (finished if waiting else 0) < self.population:
            return self._heir(number, rng)
        if waiting:
            reached, trial = waiting[0]
            level = self.ladder.rungs[min(reached, len(self.ladder.rungs) - 1)].level
            why = f"goes on to {self._history.amount(level)}, as the one that is furthest behind"
            return Proposal(self._history.params(trial), why, self._until(reached), resume_from=trial)
        if number < 0:
            raise Exhausted("no trial of the population waits")
        return self._begin(number, rng)  # more peers than the population has trials

    def _begin(self, number: int, rng: np.random.Generator) -> Proposal:
        return replace(self._search.ask(number, rng), until=self._until(0))

    def _until(self, reached: int) -> float:
        """The next comparison of a trial that got to so many; the last ends with the budget."""
        last = reached >= len(self.ladder.rungs) - 1
        return self._most if last else self.ladder.rungs[reached].level

    def _heir(self, number: int, rng: np.random.Generator) -> Proposal:
        """A trial that goes on from one of the best that are alive, preferably one that waits."""
        for rung in reversed(self.ladder.rungs[:-1]):
            best = self._best(rung)
            waiting = [trial for trial in best if trial in self._history.parked]
            sources = waiting or [trial for trial in best if trial in self._history.running]
            if sources:
                source = sources[rng.integers(len(sources))]
                params, changed = self._explore(self._history.params(source), rng)
                place = ordinal(best.index(source) + 1)
                why = f"goes on from trial {source}, the {place} at {self._history.amount(rung.level)}, with {changed}"
                return Proposal(params, why, self._until(self.ladder.reached(source)), source=source)
        return self._begin(number, rng)

    def _best(self, rung: Rung) -> list[int]:
        """The best quantile at a rung, if that holds enough."""
        count = int(len(rung) * self.quantile)
        return [trial for _, trial in rung.order[:count]]

    def _explore(self, params: Params, rng: np.random.Generator) -> tuple[Params, str]:
        """Params near others, and what is different, in words."""
        space = self._history.space
        try:
            drawn = space.sample(rng)
        except SpaceError:  # the constraints leave too little
            drawn = space.wander(params, rng)
        found = dict(params)
        for name, domain in space.searched.items():
            if name in params and rng.random() < self.resample:
                found[name] = drawn.get(name, params[name])
            elif name in params and domain.numeric:
                found[name] = self._moved(params[name], domain, self.factors[int(rng.integers(2))])
        try:
            found = space.complete(found, rng)
        except SpaceError:  # a constraint, or a param that is no longer active
            found = drawn
        changed = [name for name in found if found[name] != params.get(name)]
        return found, ", ".join(f"{name} {short(found[name])}" for name in changed) or "the same params"

    def _moved(self, value: Any, domain: Domain, factor: float) -> Any:
        """A number times a factor, within its range; a small integer by 1 and a zero by a share of the range, which no
        factor would change. On a reversed log scale it is what lacks to 1 that is multiplied; far from zero, as between
        100 and 110, where any factor would lead to an end, a share of the range is added."""
        low, high = sorted((domain.at(0.0), domain.at(1.0)))
        share = (high - low) * (factor - 1.0)
        if getattr(domain, "scale", "") == "reverselog":
            step = (1.0 - value) * (1.0 - factor)
        else:
            step = value * (factor - 1.0) if abs(value) <= 2.0 * (high - low) else math.copysign(1.0, value) * share
            step = step or share / 4.0
        if isinstance(value, int):
            step = math.copysign(max(round(abs(step)), 1), step)
        moved = min(max(value + step, low), high)
        return domain.at(domain.unit(int(moved) if isinstance(value, int) else moved))


def short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
