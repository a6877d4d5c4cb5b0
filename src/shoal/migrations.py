"""Where trials live: on the island they began on, and on those they moved or were copied to."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from shoal.islands import Islands, Layout
from shoal.records import Migrated


@dataclass(frozen=True)
class Stay:
    """The islands that a trial lives on, and its seat on each that it has ever been on: the number that it goes by
    there."""

    homes: tuple[int, ...]
    seats: dict[int, int]


class Migrations:
    """A fold of `Migrated` records that does not depend on their order: each trial's moves count in the order of the
    trials that brought them about, and a move from where a trial no longer is does not count."""

    def __init__(self, plan: Islands, seed: int) -> None:
        self.layout = Layout(plan, seed)
        self.stride = max(plan.most, 1)
        self._moves: dict[int, list[tuple[int, int, Migrated]]] = {}  # trial -> (at, place, record) in this order …
        self._stays: dict[int, list[Stay]] = {}  # … and where it lived after each, after its first home

    def __contains__(self, number: int) -> bool:
        return number in self._moves

    def fold(self, record: Migrated) -> bool:
        """Bring in a record; False where it was told before."""
        new = self._add(record.number, record)
        return (record.retires >= 0 and self._add(record.retires, record)) or new

    def stay(self, number: int) -> Stay:
        stays = self._stays.get(number)
        return self._first(number) if stays is None else stays[-1]

    def seat(self, number: int) -> int:
        """What a trial goes by on the island that it began on."""
        return number * self.stride

    def _first(self, number: int) -> Stay:
        home = self.layout.island(number)
        return Stay((home,), {home: self.seat(number)})

    def _add(self, number: int, record: Migrated) -> bool:
        moves = self._moves.setdefault(number, [])
        key = (record.at, record.place, record.target)
        place = bisect_left(moves, key, key=lambda move: (move[0], move[1], move[2].target))
        if place < len(moves) and moves[place][2] == record:
            return False
        moves.insert(place, (record.at, record.place, record))
        stays = self._stays.setdefault(number, [self._first(number)])
        del stays[place + 1 :]
        for _, _, move in moves[place:]:
            stays.append(self._after(stays[-1], number, move))
        return True

    def _after(self, stay: Stay, number: int, move: Migrated) -> Stay:
        homes = stay.homes
        if number == move.retires:
            return Stay(tuple(home for home in homes if home != move.target), stay.seats)
        if move.target in homes or (not move.copies and move.source not in homes):
            return stay
        kept = homes if move.copies else tuple(home for home in homes if home != move.source)
        seats = stay.seats
        if move.target not in seats:
            seats = {**seats, move.target: self.seat(move.at) + move.place}
        return Stay((*kept, move.target), seats)
