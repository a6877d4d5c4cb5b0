"""Islands around any search: each sees the trials that began on it, and its immigrants, as if there were no others.

O. Taubert et al.: Massively Parallel Genetic Optimization Through Asynchronous Propagation of Populations. ISC High
Performance 2023. Trials are given to islands by their numbers, so that peers may come and go without an island losing
its share; migrants are chosen when a trial begins, by the peer that proposes it, and travel as records.

What a trial found out stays known to the island that it left; it merely leaves the population there (`absent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from shoal.contracts import Proposal, Search
from shoal.history import History
from shoal.islands import Islands
from shoal.proposals import begin
from shoal.records import AnyRecord, Definition, Ended, Migrated, Reported, Started
from shoal.search.ranking import Ranking
from shoal.search.tried import Tried
from shoal.space.space import LISTED

LOOKS: Final = 20  # residents that are looked at for one that the target does not have
SEEDS: Final = 0x9E3779B97F4A7C15 % 2**62  # between the seeds of two islands: far from what people choose
REDRAWN: Final = 3  # times that an island proposes anew what was tried on another


class IslandHistory(History):
    """What one island knows; its immigrants sit on numbers that none of its own trials has."""

    def __init__(self, definition: Definition, island: int, stride: int) -> None:
        """Each island has a seed of its own, so that searches of one kind do not all take the same way."""
        seed = (definition.seed + island * SEEDS) % 2**63
        super().__init__(msgspec.structs.replace(definition, islands=None, seed=seed))
        self._stride = stride
        self.guests: dict[int, int] = {}  # seat -> trial

    def called(self, number: int) -> int:
        return self.guests.get(number, number // self._stride)


class Island:
    """A search and what it knows."""

    def __init__(self, history: IslandHistory, search: Search) -> None:
        self.history, self.search = history, search
        self._begun = False

    def begin(self) -> None:
        self.residents = Ranking(self.history)
        begin(self.search, self.history)
        self._begun = True

    def tell(self, record: AnyRecord) -> None:
        if self.history.fold(record):
            self._pass_on(record)

    def move(self, seat: int, away: bool) -> None:
        """Note that whoever has a seat left, or is back."""
        if away == (seat in self.history.absent):
            return
        (self.history.absent.add if away else self.history.absent.discard)(seat)
        self._pass_on(Migrated(seat, -1, -1, -1))

    def _pass_on(self, record: AnyRecord) -> None:
        if self._begun:
            self.residents.tell(record)
            self.search.tell(record)


class Archipelago:
    """A search of several islands; ``searches`` has one for each."""

    learns: Final = True

    def __init__(self, plan: Islands, searches: Sequence[Search]) -> None:
        self._plan, self.searches = plan, searches

    def begin(self, history: History) -> None:
        self._history, self._migrations = history, history.migrations
        stride = self._migrations.stride
        self._tried, self._ahead = Tried(history), len(history.definition.start)  # trials before the first asked for
        self._islands = [
            Island(IslandHistory(history.definition, index, stride), search)
            for index, search in enumerate(self.searches)
        ]
        self._seats: dict[int, dict[int, int]] = {}  # of those that ever moved
        for number in range(history.length):
            for record in history.records(number):
                self._tell_home(record, number)
            if number in self._migrations:
                self._settle(number)
        for island in self._islands:
            island.begin()

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        if isinstance(record, (Started, Reported, Ended)):
            self._tell_home(record, record.number)
            if record.number in self._migrations:
                self._settle(record.number)
        elif isinstance(record, Migrated):
            self._settle(record.number)
            if record.retires >= 0:
                self._settle(record.retires)

    def _tell_home(self, record: AnyRecord, number: int) -> None:
        home, seat = self._migrations.layout.island(number), self._migrations.seat(number)
        self._islands[home].tell(record if seat == number else msgspec.structs.replace(record, number=seat))

    def _settle(self, number: int) -> None:
        """Have a trial sit where its migrations say. Where news of an earlier move comes late, it keeps the seat that
        it was given first: peers may then differ in the order of an island's trials, never in who lives there."""
        stay = self._migrations.stay(number)
        seats = self._seats.setdefault(number, {})
        for index, seat in stay.seats.items():
            seats.setdefault(index, seat)
        told = self._history.records(number) if len(seats) > 1 else []
        for index, seat in seats.items():
            island = self._islands[index]
            if seat != self._migrations.seat(number):
                island.history.guests[seat] = number
                for record in told:
                    island.tell(msgspec.structs.replace(record, number=seat))
            island.move(seat, away=index not in stay.homes)

    # ------------------------------------------------------------------ proposals

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        at = self._ahead + number
        index = self._migrations.layout.island(at)
        proposal = self._islands[index].search.ask(number, rng)
        for _ in range(REDRAWN):
            if proposal.params not in self._tried:
                break
            proposal = self._islands[index].search.ask(number, rng)
        if self._tried.size <= LISTED and proposal.params in self._tried:
            params = self._tried.draw(lambda: self._tried.sample(rng), rng)
            proposal = Proposal(params, "random: other islands have tried what this one proposes")
        return replace(proposal, migrants=tuple(self._migrants(index, at, rng)))

    def _migrants(self, source: int, at: int, rng: np.random.Generator) -> list[Migrated]:
        plan = self._plan
        if rng.random() >= plan.migration_probability:
            return []
        found: list[Migrated] = []
        copies = plan.policy == "pollinate"
        leaving, retiring = set[int](), set[int]()
        for target, count in plan.targets(source, rng):
            going = set[int]()
            for place in range(count):
                who = self._emigrant(source, target, going | leaving, rng)
                if who < 0:
                    break
                (going if copies else leaving).add(who)
                retires = self._retired(target, retiring, rng) if copies else -1
                retiring.add(retires)
                found.append(Migrated(who, at, source, target, copies, retires, place))
        return found

    def _emigrant(self, source: int, target: int, gone: set[int], rng: np.random.Generator) -> int:
        """A resident that the target does not have; -1 where none is at hand, or where it would be the last."""
        island = self._islands[source]
        order = island.residents.order
        if self._plan.policy == "migrate" and len(order) - len(gone) <= 1:
            return -1
        for rank in self._ranks(self._plan.emigrate, len(order), rng):
            who = island.history.called(order[rank][1])
            if who not in gone and target not in self._migrations.stay(who).homes:
                return who
        return -1

    def _retired(self, target: int, gone: set[int], rng: np.random.Generator) -> int:
        """A resident that makes room for an immigrant; -1 where it would be the last."""
        island = self._islands[target]
        order = island.residents.order
        if len(order) - len(gone) > 1:
            for rank in self._ranks(self._plan.immigrate, len(order), rng):
                who = island.history.called(order[rank][1])
                if who not in gone:
                    return who
        return -1

    def _ranks(self, rule: str, count: int, rng: np.random.Generator) -> list[int]:
        """Places in the order of residents to look at, one after the other."""
        if rule == "random":
            return list(dict.fromkeys(rng.integers(count, size=LOOKS).tolist())) if count else []
        ranks = list(range(min(count, LOOKS)))
        return ranks if rule == "best" else [count - 1 - rank for rank in ranks]
