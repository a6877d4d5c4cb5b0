"""One trial on several ranks of an MPI job: data-parallel training, domain decomposition.

The ranks of a team run the same function. At each report they meet: the first rank, whose peer the trial is, tells what
was decided, and every rank tells whether it is at the same step and well. So all of them end at the same step, and one
that raises fails the trial instead of leaving the others to wait.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from shoal.contracts import GO, Answer, Decision, Halted, Objective, Paused, Running, Stopped, Wait
from shoal.errors import ObjectiveError, in_words
from shoal.files import made_checkpoint, made_directory
from shoal.records import Definition, Metrics
from shoal.space import Params

ORDERS: Final = 11  # the tag of messages that begin a trial
PAUSE: Final = 0.001  # seconds between looks for one
END: Final = "the end"  # where a rank is that has nothing more to report
Said = tuple[int | None, Answer]


class Facts(msgspec.Struct):
    """What the ranks of a trial know of it before it begins."""

    number: int
    attempt: int
    params: Params
    until: float
    resumed: bool
    counted: str
    last_step: int
    last: Metrics | None
    due: bool = False
    interrupted: bool = False
    decision: Decision = GO


class Apart(ObjectiveError):
    """A rank raised, or is at another step than the others; all of them know."""


@dataclass(frozen=True)
class Team:
    """Some ranks of a job. ``comm`` is what the objective gets as ``trial.comm``; by ``talk``, a communicator of the
    same ranks, the team speaks to itself."""

    comm: Any
    talk: Any
    plan: Definition


class TeamTrial:
    """A trial as each rank of its team sees it; ``own`` is the one of the peer, on the first rank alone."""

    def __init__(self, facts: Facts, team: Team, device: str, own: Running | None = None) -> None:
        self.params, self.comm, self.device = facts.params, team.comm, device
        self._facts, self._talk, self._plan, self._own = facts, team.talk, team.plan, own
        self.saves = False
        self.over = False  # the team has parted: nothing more is told

    number = property(lambda self: self._facts.number)
    attempt = property(lambda self: self._facts.attempt)
    directory = property(lambda self: made_directory(self._plan, self._facts.number))
    checkpoint = property(lambda self: made_checkpoint(self._plan, self._facts.number))
    until = property(lambda self: self._facts.until)
    resumed = property(lambda self: self._facts.resumed)
    counted = property(lambda self: self._facts.counted)
    last_step = property(lambda self: self._facts.last_step)
    last = property(lambda self: self._facts.last)
    due = property(lambda self: self._facts.due)
    interrupted = property(lambda self: self._facts.interrupted)
    overdue = property(lambda self: False)  # the trial of the peer knows, and tells all

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    def report(self, step: int, **metrics: Any) -> Decision:
        """As of any trial; every rank calls it at the same steps, and the metrics of the first rank count."""
        decision = GO
        try:
            if self._own is not None:
                self._own.report(step, **metrics)
        except Halted as halt:
            decision = Decision(stop=not isinstance(halt, Paused), pause=isinstance(halt, Paused), reason=str(halt))
        decision = self.meet(int(step), decision)
        if decision != GO:
            raise (Paused if decision.pause else Stopped)(decision.reason)
        return decision

    def meet(self, place: int | str, decision: Decision = GO, problem: str = "") -> Decision:
        """Wait for the other ranks of the trial, and learn what the first was told to do.

        Raises Apart where a rank tells of a problem, or of another place.
        """
        if self.over:
            return decision
        facts = self._facts
        if (own := self._own) is not None:
            facts = msgspec.structs.replace(facts, last_step=own.last_step, last=own.last, due=own.due,
                                            interrupted=own.interrupted, decision=decision)  # fmt: skip
        told: list[tuple[int | str, str, Facts | None]] = self._talk.allgather((place, problem, own and facts))
        self.over = place == END or bool(problem)
        for rank, (at, wrong, _) in enumerate(told):
            if wrong or at != place:
                self.over = True
                why = (
                    wrong or f"it is at {_name(at)} and rank {self._talk.rank} at {_name(place)}; all must report alike"
                )
                raise Apart(f"rank {rank} of {self._talk.size}: {why}")
        assert told[0][2] is not None
        self._facts = told[0][2]
        self.over = self.over or self._facts.decision != GO
        return self._facts.decision


def _name(place: int | str) -> str:
    return place if isinstance(place, str) else f"step {place}"


class TeamObjective:
    """What the first rank of a team runs: an objective, on all of its ranks."""

    def __init__(self, objective: Objective, team: Team) -> None:
        self._objective, self._team = objective, team

    def run(self, trial: Running) -> Generator[Said | Wait, None, None]:
        facts = Facts(trial.number, trial.attempt, trial.params, trial.until, trial.resumed, trial.counted,
                      trial.last_step, trial.last, trial.due, trial.interrupted)  # fmt: skip
        self._order(facts)
        shared = TeamTrial(facts, self._team, trial.device, trial)
        running = self._objective.run(shared)
        try:
            yield from _guided(running, shared)
            shared.meet(END)
        except (Apart, GeneratorExit):
            raise
        except BaseException as error:
            with suppress(Apart):
                shared.meet(END, problem=_words(error))
            raise
        finally:
            running.close()

    def close(self) -> None:
        """Send the other ranks home; then they know the study's end from `Ranks`."""
        self._order(None)
        self._objective.close()

    def _order(self, facts: Facts | None) -> None:
        talk = self._team.talk
        for rank in range(1, talk.size):
            talk.send(facts, dest=rank, tag=ORDERS)


def _guided(running: Generator[Said | Wait, None, None], shared: TeamTrial) -> Generator[Said | Wait, None, None]:
    """What the first rank yields; what its peer makes of each report goes to the others."""
    for said in running:
        if isinstance(said, Wait) or said[0] is None:
            yield said
            continue
        try:
            yield said
        except Paused as pause:
            shared.meet(said[0], Decision(pause=True, reason=str(pause)))
            yield from _paused(running, pause)
            return
        except GeneratorExit:
            shared.meet(said[0], Decision(stop=True))
            raise
        shared.meet(said[0])


def _paused(running: Generator[Said | Wait, None, None], pause: Paused) -> Generator[Said | Wait, None, None]:
    """What an objective still says once it is paused; then the pause goes on upwards, as it does without a team."""
    with suppress(StopIteration):
        said = running.throw(Paused(str(pause)))
        while True:
            yield said
            said = next(running)


def follow(objective: Objective, team: Team, device: str) -> None:
    """What the other ranks of a team do: run the trials of the first, until it sends them home."""
    while True:
        while not team.talk.iprobe(source=0, tag=ORDERS):
            time.sleep(PAUSE)
        facts = team.talk.recv(source=0, tag=ORDERS)
        if facts is None:
            return
        _take_part(objective, TeamTrial(facts, team, device))


def _take_part(objective: Objective, shared: TeamTrial) -> None:
    """Run this rank's part of a trial. What goes wrong is told to the first rank, which writes it down."""
    running = objective.run(shared)
    try:
        for said in running:
            if isinstance(said, Wait) or said[0] is None:
                continue
            decision = shared.meet(said[0])
            if decision.pause:
                for _ in _paused(running, Paused(decision.reason)):
                    pass
            if decision != GO:
                break
        shared.meet(END)
    except (Apart, Halted):
        pass
    except Exception as error:  # noqa: BLE001 - whatever the code of the user raises ends the trial
        with suppress(Apart):
            shared.meet(END, problem=_words(error))
    finally:
        running.close()


def _words(error: BaseException) -> str:
    """An error as another rank can tell it."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" ({last[0].filename}:{last[0].lineno})" if last else ""
    return f"{in_words(error)}{where}"[:2000]
