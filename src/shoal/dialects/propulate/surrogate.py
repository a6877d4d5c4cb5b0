"""Surrogates: what stops individuals early. Two are rules of Shoal's own; others are classes of the user's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shoal import catalog
from shoal.contracts import GO, Decision, Stopping
from shoal.dialects.propulate.limits import Limits
from shoal.dialects.propulate.population import Individual
from shoal.errors import StudyError
from shoal.fold import DONE
from shoal.history import History
from shoal.records import AnyRecord, Ended, Reported
from shoal.trial import Report


class Surrogate:
    """Decides after each yield of a loss function whether to cancel it. Subclasses have these five methods."""

    def start_run(self, ind: Individual) -> None:
        """An individual is about to be evaluated."""
        raise NotImplementedError(f"{type(self).__name__} needs a method start_run(ind)")

    def update(self, loss: float) -> None:
        """The run is over, with this loss."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update(loss)")

    def cancel(self, loss: float) -> bool:
        """Whether to cancel the run, now that it has yielded this."""
        raise NotImplementedError(f"{type(self).__name__} needs a method cancel(loss)")

    def merge(self, data: Any) -> None:
        """Learn what another one knows."""
        raise NotImplementedError(f"{type(self).__name__} needs a method merge(data)")

    def data(self) -> Any:
        """What it knows, for others."""
        raise NotImplementedError(f"{type(self).__name__} needs a method data()")


class _OfShoal(Surrogate):
    """Stands for a stopping rule by name, and is not asked itself."""

    def __init__(self, rule: str, settings: dict[str, Any]) -> None:
        self.rule, self.settings = rule, settings
        catalog.stopping(rule, settings)


class StaticSurrogate(_OfShoal):
    """Shoal's ``baseline``: an individual is cancelled that falls behind the curve of the best one by the margin."""

    def __init__(self, margin: float = 0.8) -> None:
        super().__init__("baseline", {"margin": margin})


class DynamicSurrogate(_OfShoal):
    """Shoal's ``forecast``: an individual is cancelled that is unlikely to beat the best, by its params and its curve.
    The limits are those of the study anyway."""

    def __init__(self, limits: Limits) -> None:
        super().__init__("forecast", {})


Factory = Callable[[], Surrogate]


def rule_of(factory: Factory | None, limits: Limits) -> tuple[str | Stopping, dict[str, Any]]:
    """The stopping rule that a surrogate stands for, and its settings. Raises StudyError for what is none."""
    if factory is None:
        return "none", {}
    if not callable(factory):
        raise StudyError(f"surrogate_factory must be a function that makes a Surrogate, got {factory!r:.100}")
    first = factory()
    if isinstance(first, _OfShoal):
        return first.rule, first.settings
    if not isinstance(first, Surrogate):
        raise StudyError(f"surrogate_factory must give a Surrogate, got {first!r:.100}")
    return OwnSurrogate(factory, limits), {}


class OwnSurrogate:
    """The rule of a surrogate of the user's own. What others found out is merged by having a fresh surrogate go through
    each of their runs: the curves are in the journal."""

    def __init__(self, factory: Factory, limits: Limits) -> None:
        self._factory, self._limits = factory, limits

    def begin(self, history: History) -> None:
        self._history = history
        self._known = self._factory()
        self._seen = set[int]()
        self._run = -1
        for number in history.numbers("done"):
            self._merge(number)

    def tell(self, record: AnyRecord) -> None:
        if type(record) is Ended and self._history.state[record.number] == DONE:
            self._merge(record.number)

    def _merge(self, number: int) -> None:
        if number in self._seen:
            return
        self._seen.add(number)
        if number == self._run:
            self._known.update(float(self._history.value[number]))
            self._run = -1
            return
        fresh = self._factory()
        fresh.start_run(self._individual(number))
        for report in self._history.reports(number):
            fresh.cancel(float(self._history.loss(report) or 0.0))
        fresh.update(float(self._history.value[number]))
        self._known.merge(fresh.data())

    def _individual(self, number: int) -> Individual:
        return Individual(self._history.params(number), self._limits)

    def decide(self, number: int, report: Report | Reported, history: History) -> Decision:
        loss = history.loss(report)
        if loss is None:
            return GO
        if number != self._run:
            self._known.start_run(self._individual(number))
            self._run = number
        if not self._known.cancel(loss):
            return GO
        return Decision(stop=True, reason=f"{type(self._known).__name__} cancelled it at {loss:.4g}")
