"""A study: its trials, its best, and asking and telling by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from shoal import catalog
from shoal.answers import metrics_of
from shoal.clock import GivenClock, RealClock
from shoal.contracts import Clock, Decision, Proposal, Search, Stopping, Store
from shoal.errors import Exhausted, ObjectiveError, StudyError, in_words
from shoal.given import as_space, plain, search_name
from shoal.islands import Islands
from shoal.joining import go_on, join, join_unused
from shoal.journal import Journal
from shoal.live import LiveTrial
from shoal.names import peer_name
from shoal.proposals import NO_NUMBER, write_start
from shoal.pulse import Pulse
from shoal.records import Budget, Ended, Outcome
from shoal.reports import tables
from shoal.reports.text import unfinished
from shoal.space import Space
from shoal.space.plain import own
from shoal.trial import Trial
from shoal.turns import Turn, Turns

if TYPE_CHECKING:
    import pandas as pd

LEASE = 60.0  # seconds without a beat after which a peer counts as dead


class Study:
    """One search over one space for one objective. Threads may ask, report and tell at once.

    Args:
        space: a `Space`, or a dict of names and domains.
        metric: the name of the number that is optimised, in results that are dicts.
        goal: "minimize" or "maximize".
        search: a name ("auto", "gp", "tpe", …: docs/searches.md), or an object with tell and ask (docs/extending.md).
        settings: of the search, as in ``{"pop_size": 50}``.
        stopping: a rule by name ("asha", "freeze", …: docs/stopping.md), or an object with decide; "auto" with a
            budget, else "none". stopping_settings: of the rule, as in ``{"eta": 4}``.
        budget: how much of a trial is run, as in ``Budget("epoch", 1, 81)``.
        islands: subpopulations with a search each that exchange migrants, as in ``Islands(4, topology="ring")``.
        trials: how many trials there will be; None for no limit.
        start: params to try first; partial ones are completed.
        store: where the study is kept, such as "sqlite:///study.db"; in memory by default.
        name: the study of that name in the store is joined, if there is one.
        clock: what tells the seconds that trials take, such as ``time.time``; one of your own for a simulation.

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
        search: str | Search = "auto", settings: Mapping[str, Any] | None = None,
        stopping: str | Stopping | None = None, stopping_settings: Mapping[str, Any] | None = None,
        budget: Budget | None = None, islands: Islands | int | None = None, seed: int | None = None,
        trials: int | None = None, start: Iterable[Mapping[str, Any]] | None = None, store: str | Store | None = None,
        name: str | None = None, clock: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        place = catalog.store(store or "memory://") if store is None or isinstance(store, str) else store
        custom = None if isinstance(search, str) else search
        optional = {"settings": {} if settings is None else settings, "start": () if start is None else start,
                    "seed": seed, "budget": budget, "stopping": stopping, "stopping_settings": stopping_settings,
                    "islands": islands}  # fmt: skip
        given: dict[str, Any] = {
            "space": as_space(space).to_json(), "metric": own(metric), "goal": own(goal), "search": search_name(search),
            "trials": own(trials), **plain(optional),
        }  # fmt: skip
        rule = None if stopping is None or isinstance(stopping, str) else stopping
        time = RealClock() if clock is None else GivenClock(clock)
        more = (peer_name(), time, given)
        journal = join_unused(place, "study", *more) if name is None else join(place, name, *more)
        self._prepare(journal, time, custom, rule)
        if self._journal.history.length:
            go_on(self._journal, time)

    def _prepare(
        self, journal: Journal, clock: Clock, search: Search | None = None, rule: Stopping | None = None
    ) -> None:
        self._journal, self._clock, self._think = journal, clock, catalog.thinker(search, rule, clock)
        self._lock = RLock()
        self._turns: Turns | None = None
        self._pulse: Pulse | None = None
        self._left = False
        self._open: dict[int, Turn] = {}
        self._running: dict[int, LiveTrial] = {}
        self.speaks = True  # of the ranks of an MPI job, one does
        self.ended, self.ran = "", 0  # why `tune` ended, in words, and how many trials it brought to their end

    @classmethod
    def of(cls, journal: Journal) -> Study:
        """The study that a journal is of."""
        study = cls.__new__(cls)
        study._prepare(journal, RealClock())
        return study

    @classmethod
    def open(cls, name: str, store: str = "shoal.db") -> Study:
        """A study that is there, to look at or to go on with. Raises StoreError where there is none of that name.

        ``store`` is a path or a URL.
        """
        return cls.of(Journal(catalog.store(store, create=False), name, peer_name(), RealClock()))

    # ------------------------------------------------------------------ asking and telling

    def ask(self, params: Mapping[str, Any] | None = None) -> LiveTrial:
        """A trial to run: ``trial.params`` says with what, ``trial.until`` how far, and ``trial.resumed`` whether from
        its checkpoint. Raises Exhausted when there is nothing left to try.

        With ``params`` it is a new trial of those, in place of what the search would propose: to try them, or to tell
        what is known of them, as in ``study.tell(study.ask({"x": 0.5}), 0.25)``. Raises SpaceError where they do not
        fit.
        """
        with self._lock:
            turns = self._turns or self._begin()
            if params is not None:
                proposal, turn = Proposal(self.space.validate(params), "asked for"), turns.unbegun()
                if turn is None:
                    raise self._exhausted()
                return self._start(turn, proposal)
            while True:
                turn = turns.next()
                if turn is None and not self._proposer.resumes:
                    raise self._exhausted()
                if self._proposer.resumes:
                    self._journal.sync()
                proposal = self._proposer.propose(NO_NUMBER if turn is None else turn.number)
                if proposal.resume_from is not None:
                    if turn is not None:
                        turns.put_back(turn)
                    turn = turns.resume(proposal.resume_from)
                if turn is not None:
                    return self._start(turn, proposal)
                self._journal.sync()

    def _exhausted(self) -> Exhausted:
        return Exhausted(f"study {self.name!r}: all of its {self._journal.history.limit} trials have begun")

    def _start(self, turn: Turn, proposal: Proposal) -> LiveTrial:
        write_start(proposal, turn.number, turn.attempt, self._journal, self._clock)
        self._open[turn.number] = replace(turn, began=self._clock.monotonic())  # the search took its time before
        trial = LiveTrial(
            self._journal, turn.number, turn.attempt, proposal.params, "cpu", self._clock, self._proposer.decide,
            halts=False,
        )  # fmt: skip
        self._running[turn.number] = trial
        return trial

    def report(self, trial: LiveTrial | int, step: int, **metrics: Any) -> Decision:
        """Report metrics of a trial at a step, and learn what becomes of it: ``decision.stop``, ``decision.pause`` and
        the reason. A trial that is to stop or to pause is then told without a result: ``study.tell(trial)``."""
        with self._lock:
            return self._running[self._opened(trial)].report(step, **metrics)

    def _opened(self, trial: LiveTrial | int) -> int:
        number = trial.number if isinstance(trial, LiveTrial) else own(trial)
        if not isinstance(number, int) or number not in self._open:
            raise StudyError(
                f"trial {number!r:.100} is not open here: ask for a trial first, report before telling, and tell once"
            )
        return number

    def _begin(self) -> Turns:
        if self._left:  # come back as another peer, who adopts what this one left
            self._journal.writer = peer_name()
            self._journal.reload()
        self._proposer = self._think(self._journal.history)
        self._journal.listen(self._proposer.tell)
        shared = not self._journal.store.url.startswith("memory")
        if shared:
            self._pulse = Pulse(self._journal, LEASE).__enter__()
        self._turns = Turns(self._journal, self._clock, None if shared else 256)
        return self._turns

    def tell(self, trial: LiveTrial | int, result: Any = None) -> None:
        """End a trial with its result: a number, a dict of metrics, or an exception (the trial failed).

        Without a result the trial's last report counts, and ends it as the decision on it says. What is no result, such
        as NaN, makes the trial a failed one.
        """
        with self._lock:
            self._end(self._opened(trial), result)

    def _end(self, number: int, result: Any) -> None:
        turn, live = self._open.pop(number), self._running.pop(number)
        history = self._journal.history
        outcome: Outcome = "done"
        metrics, reason = {}, ""
        now = self._clock.now()
        try:
            if isinstance(result, BaseException):
                raise ObjectiveError(in_words(result))
            if result is None:
                if live.problem:
                    raise ObjectiveError(live.problem)
                result = live.reported()
            metrics = metrics_of(result, history.definition.metric, history.space.domains)
            outcome, reason = live.outcome or ("done", "")
        except ObjectiveError as error:
            outcome, reason = "failed", str(error)
        seconds = self._clock.monotonic() - turn.began
        self._journal.append(
            Ended(number, outcome, now, metrics, reason, "", seconds, turn.attempt, outcome == "paused")
        )
        self._turns.ended(turn)  # type: ignore[union-attr]

    def close(self) -> None:
        """Write what is waiting, and leave the study; trials that were not told are for others to run, or for this one
        where it asks again."""
        with self._lock:
            self._journal.flush()
            if self._pulse is not None:
                self._pulse.__exit__()
                self._journal.store.leave(self._journal.study, self._journal.writer)
            self._left = True
            self._turns = self._pulse = None
            self._open, self._running = {}, {}

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
            raise StudyError(f"study {self.name!r} has no finished trial yet{unfinished(history)}")
        return history.trial(history.best)

    @property
    def islands(self) -> list[list[int]]:
        """The trials that are done and live on each island, the best first; empty without islands."""
        self._journal.sync()
        history = self._journal.history
        plan = history.definition.islands
        found: list[list[int]] = [[] for _ in range(plan.count)] if plan else []
        for number in history.ranked() if plan else []:
            for island in history.migrations.stay(number).homes:
                found[island].append(number)
        return found

    @property
    def reason(self) -> str:
        """Why the study begins no new trial, in words; empty while it may."""
        return self._journal.history.verdict()

    def to_frame(self) -> pd.DataFrame:
        """One row a trial: number, outcome, params, metrics, times, peer, reason. Needs pandas."""
        return tables.to_frame(self.trials, self.space)

    def export(self, path: str | Path) -> Path:
        """Write the table of `to_frame` as .csv, .json or .jsonl; returns the path. Needs no pandas."""
        return tables.export(self.trials, self.space, Path(path))

    def __repr__(self) -> str:
        history = self._journal.history
        best = "" if history.best is None else f", best {history.trial(history.best).value:g} in trial {history.best}"
        return f"<Study {self.name!r} in {self._journal.store.url}: {history.ended} trials{best}>"
