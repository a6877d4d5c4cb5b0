"""A study: its trials, its best, and asking and telling by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shoal import catalog
from shoal.answers import metrics_of
from shoal.clock import RealClock
from shoal.contracts import Search, Store
from shoal.errors import Exhausted, ObjectiveError, StudyError
from shoal.joining import go_on, join, unused_name
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.names import peer_name
from shoal.proposals import Proposer
from shoal.pulse import Pulse
from shoal.records import Ended, Outcome, Started, write_params
from shoal.reports import tables
from shoal.space import Space
from shoal.trial import Trial
from shoal.turns import Turn, Turns

if TYPE_CHECKING:
    import pandas as pd

LEASE = 60.0  # seconds without a beat after which a peer counts as dead


class Study:
    """One search over one space for one objective.

    Args:
        space: a `Space`, or a dict of names and domains.
        metric: the name of the number that is optimised, in results that are dicts.
        goal: "minimize" or "maximize".
        search: a name ("auto", "gp", "tpe", …: docs/searches.md), or an object with begin, tell and ask.
        settings: of the search, as in ``{"pop_size": 50}``.
        trials: how many trials there will be; None for no limit.
        start: params to try first; partial ones are completed.
        store: where the study is kept, such as "sqlite:///study.db"; in memory by default.
        name: the study of that name in the store is joined, if there is one.

    >>> import shoal
    >>> study = shoal.Study({"x": shoal.uniform(-1.0, 1.0)}, seed=0, trials=20)
    >>> for _ in range(20):
    ...     trial = study.ask()
    ...     study.tell(trial, trial.params["x"] ** 2)
    >>> study.best.value < 0.1
    True
    """

    def __init__(
        self, space: Space | Mapping[str, Any], *, metric: str = "loss", goal: str = "minimize",
        search: str | Search = "auto", settings: Mapping[str, Any] | None = None, seed: int | None = None,
        trials: int | None = None, start: Iterable[Mapping[str, Any]] = (), store: str | Store | None = None,
        name: str | None = None,
    ) -> None:  # fmt: skip
        place = catalog.store(store or "memory://") if store is None or isinstance(store, str) else store
        custom = None if isinstance(search, str) else search
        given: dict[str, Any] = {
            "space": as_space(space).to_json(), "metric": metric, "goal": goal, "search": search_name(search),
            "settings": dict(settings or {}), "trials": trials, "start": [dict(point) for point in start],
        }  # fmt: skip
        if seed is not None:
            given["seed"] = seed
        clock = RealClock()
        called = unused_name(place, "study") if name is None else name
        self._prepare(join(place, called, peer_name(), clock, given), custom)
        if self._journal.history.length:
            go_on(self._journal, clock)

    def _prepare(self, journal: Journal, custom: Search | None = None) -> None:
        self._journal, self._custom, self._clock = journal, custom, RealClock()
        self._turns: Turns | None = None
        self._pulse: Pulse | None = None
        self._open: dict[int, Turn] = {}
        self.ended, self.ran = "", 0  # why `tune` ended, in words, and how many trials it brought to their end

    @classmethod
    def of(cls, journal: Journal) -> Study:
        """The study that a journal is of."""
        study = cls.__new__(cls)
        study._prepare(journal)
        return study

    @classmethod
    def open(cls, name: str, store: str = "shoal.db") -> Study:
        """A study that is there, to look at or to go on with. Raises StoreError where there is none of that name.

        ``store`` is a path or a URL.
        """
        return cls.of(Journal(catalog.store(store, create=False), name, peer_name(), RealClock()))

    # ------------------------------------------------------------------ asking and telling

    def ask(self) -> LiveTrial:
        """A trial to run: ``trial.params`` says with what. Raises Exhausted when there is nothing left to try."""
        if self._turns is None:
            self._begin()
        turn = self._turns.next()  # type: ignore[union-attr]
        if turn is None:
            raise Exhausted(
                f"study {self.name!r}: all of its {self._journal.history.definition.trials} trials have begun"
            )
        proposal = self._proposer.propose(turn.number)
        version = self._journal.history.version
        params, now = write_params(proposal.params), self._clock.now()
        self._journal.append(
            Started(
                turn.number, params, self._journal.writer, now, proposal.why, turn.attempt, version, proposal.seconds
            )
        )  # fmt: skip
        self._open[turn.number] = turn
        return LiveTrial(self._journal, turn.number, turn.attempt, proposal.params, "cpu", self._clock)

    def _begin(self) -> None:
        search = self._custom or catalog.search_of(self._journal.history.definition)
        self._proposer = Proposer(self._journal.history, search, self._clock)
        self._journal.listen(self._proposer.tell)
        shared = not self._journal.store.url.startswith("memory")
        if shared:
            self._pulse = Pulse(self._journal, LEASE).__enter__()
        self._turns = Turns(self._journal, self._clock, None if shared else 256)

    def tell(self, trial: LiveTrial | int, result: Any = None) -> None:
        """End a trial with its result: a number, a dict of metrics, or an exception (the trial failed).

        Without a result the trial's last report counts. What is no result, such as NaN, makes the trial a failed one.
        """
        number = trial if isinstance(trial, int) else trial.number
        turn = self._open.pop(number, None)
        if turn is None:
            raise StudyError(f"trial {number} is not open here: ask for a trial first, and tell its result once")
        history = self._journal.history
        outcome: Outcome = "done"
        metrics, reason = {}, ""
        now = self._clock.now()
        try:
            if isinstance(result, BaseException):
                raise ObjectiveError(f"{type(result).__name__}: {result}")
            if result is None and isinstance(trial, LiveTrial):
                result = trial.last
            metrics = metrics_of(result, history.definition.metric, history.space.domains)
        except ObjectiveError as error:
            outcome, reason = "failed", str(error)
        seconds = self._clock.monotonic() - turn.began
        self._journal.append(Ended(number, outcome, now, metrics, reason, "", seconds, turn.attempt))
        self._turns.ended(turn)  # type: ignore[union-attr]

    def close(self) -> None:
        """Write what is waiting, and leave the study; trials that were not told are for others to run."""
        self._journal.flush()
        if self._pulse is not None:
            self._pulse.__exit__()
            self._journal.store.leave(self._journal.study, self._journal.writer)
        self._turns = self._pulse = None

    def __enter__(self) -> Study:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    # ------------------------------------------------------------------ reading

    @property
    def name(self) -> str:
        return self._journal.study

    @property
    def space(self) -> Space:
        return self._journal.history.space

    @property
    def trials(self) -> list[Trial]:
        """All trials that began, in the order of their numbers."""
        self._journal.sync()
        return list(self._journal.history.trials())

    @property
    def best(self) -> Trial:
        """The best trial of those that are done. Raises StudyError while there is none."""
        self._journal.sync()
        history = self._journal.history
        if history.best is None:
            failed = history.counts["failed"]
            raise StudyError(
                f"study {self.name!r} has no finished trial yet" + (f"; {failed} failed" if failed else "")
            )
        return history.trial(history.best)

    @property
    def reason(self) -> str:
        """Why the study begins no new trial, in words; empty while it may."""
        return self._journal.history.verdict()

    def to_frame(self) -> pd.DataFrame:
        """One row a trial: number, outcome, value, params, metrics, times, peer, reason. Needs pandas."""
        return tables.to_frame(self.trials, self.space)

    def export(self, path: str | Path) -> Path:
        """Write the table of `to_frame` as .csv, .json or .jsonl; returns the path. Needs no pandas."""
        return tables.export(self.trials, self.space, Path(path))

    def __repr__(self) -> str:
        history = self._journal.history
        best = "" if history.best is None else f", best {history.trial(history.best).value:g} in trial {history.best}"
        return f"<Study {self.name!r} in {self._journal.store.url}: {history.ended} trials{best}>"


def as_space(space: Any) -> Space:
    return space if isinstance(space, Space) else Space(space)


def search_name(search: str | Search) -> str:
    """A search's name; one of the user's own is known by its class. Raises StudyError for what is no search."""
    if isinstance(search, str):
        return search
    if not isinstance(search, Search):
        raise StudyError(f"search must be a name or an object with begin, tell and ask, got {search!r:.100}")
    return f"{type(search).__module__}:{type(search).__qualname__}"
