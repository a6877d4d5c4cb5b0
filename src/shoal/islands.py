"""Islands: a study's trials in subpopulations, each with a search of its own, that exchange migrants."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np

from shoal.errors import StudyError, misfit, unknown

TOPOLOGIES: Final = ("full", "ring", "star", "torus", "random")
Rule: TypeAlias = Literal["best", "worst", "random"]
ROUNDS: Final = 256  # that are drawn at once


class Islands(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Subpopulations that exchange migrants, as in O. Taubert et al.: Massively Parallel Genetic Optimization Through
    Asynchronous Propagation of Populations. ISC High Performance 2023.

    Args:
        count: how many islands there are. sizes: how many of each ``sum(sizes)`` trials begin on each; 1 each.
        topology: "full", "ring", "star" (island 0 in the middle), "torus", "random" (another target each time), or a
            matrix of whole numbers: row i, column j is how many go from i to j at a migration.
        migration_probability: with which a trial that begins on an island sends migrants out.
        policy: "pollinate" sends copies, and the receiver retires one of its own for each; "migrate" moves them, so
            that each trial lives on exactly one island at any time.
        emigrate: who goes: "best", "worst" or "random". immigrate: who is retired for one that comes.
        searches: the search of each island, if they differ: names, or pairs of a name and its settings.

    >>> Islands(3, topology="ring").flows()
    [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    """

    count: int = 4
    sizes: list[int] | None = None
    topology: str | list[list[int]] = "full"
    migration_probability: float = 0.9
    policy: Literal["pollinate", "migrate"] = "pollinate"
    emigrate: Rule = "best"
    immigrate: Rule = "worst"
    searches: list[str | tuple[str, dict[str, Any]]] = []

    def __post_init__(self) -> None:
        if type(self.count) is not int or self.count < 1:
            raise StudyError(f"islands need a count of 1 or more, got {self.count!r}")
        if self.sizes is not None and (len(self.sizes) != self.count or min(self.sizes) < 1):
            raise StudyError(f"islands need {self.count} sizes of 1 or more, one an island, got {self.sizes}")
        if not isinstance(self.migration_probability, (int, float)) or not 0 <= self.migration_probability <= 1:
            raise StudyError(f"islands need a migration_probability in [0, 1], got {self.migration_probability!r}")
        if self.searches and len(self.searches) != self.count:
            raise StudyError(f"islands need {self.count} searches, one an island, got {len(self.searches)}")
        for name, given, known in (
            ("policy", self.policy, ("pollinate", "migrate")),
            ("emigrate", self.emigrate, ("best", "worst", "random")),
            ("immigrate", self.immigrate, ("best", "worst", "random")),
        ):
            if given not in known:
                raise StudyError(unknown(f"{name} of islands", given, known))
        if isinstance(self.topology, str):
            if self.topology not in TOPOLOGIES:
                raise StudyError(unknown("topology of islands", self.topology, TOPOLOGIES))
        elif not _is_flow(self.topology, self.count):
            raise StudyError(
                f"a topology of {self.count} islands is a matrix of {self.count} rows of as many whole numbers of 0 or "
                f"more, with 0 from each island to itself, got {self.topology}"
            )

    @classmethod
    def of(cls, given: Any) -> Islands:
        """From plain data. Raises StudyError that says what is wrong."""
        if isinstance(given, int) and not isinstance(given, bool):
            given = {"count": given}
        if isinstance(given, Mapping):
            for key in given:
                if key not in cls.__struct_fields__:
                    raise StudyError(unknown("setting of islands", key, cls.__struct_fields__))
        if not isinstance(given, (Mapping, cls)):
            raise StudyError(f"islands must be shoal.Islands(count=4, …), got {given!r:.100}")
        try:
            return msgspec.convert(msgspec.to_builtins(given, enc_hook=_plain), cls)
        except msgspec.ValidationError as error:
            raise StudyError(f"islands, {misfit(error, 'settings')}") from None
        except TypeError as error:
            raise StudyError(f"islands: {error}") from None

    @property
    def most(self) -> int:
        """The most migrants from one island to another at once."""
        return max((flow for row in self.flows() for flow in row), default=0)

    def flows(self) -> list[list[int]]:
        """How many go from island i to island j at a migration: row i, column j."""
        return [self._row(island) for island in range(self.count)]

    def _row(self, i: int) -> list[int]:
        if not isinstance(self.topology, str):
            return list(self.topology[i])
        return [int(j != i and self._joined(i, j)) for j in range(self.count)]

    def _joined(self, i: int, j: int) -> bool:
        if self.topology == "ring":
            return j == (i + 1) % self.count
        if self.topology == "star":
            return i == 0 or j == 0
        if self.topology == "torus":
            columns = next(c for c in range(math.isqrt(self.count), 0, -1) if self.count % c == 0)
            rows = self.count // columns
            down, right = abs(i // columns - j // columns), abs(i % columns - j % columns)
            return min(down, rows - down) + min(right, columns - right) == 1
        return True

    def targets(self, island: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """Where migrants of an island go, and how many."""
        targets = [(target, flow) for target, flow in enumerate(self._row(island)) if flow]
        if self.topology == "random" and targets:
            return [targets[int(rng.integers(len(targets)))]]
        return targets


def _plain(value: Any) -> Any:
    """Arrays and numbers of numpy's as lists and numbers."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"searches are names, or pairs of a name and its settings, got {value!r:.100}")


def _is_flow(matrix: Any, count: int) -> bool:
    rows = matrix if isinstance(matrix, (list, tuple, np.ndarray)) else ()
    shaped = len(rows) == count and all(
        isinstance(row, (list, tuple, np.ndarray)) and len(row) == count for row in rows
    )
    return shaped and all(
        flow >= 0 and (i != j or not flow) for i, row in enumerate(matrix) for j, flow in enumerate(row)
    )


class Layout:
    """Which island each trial begins on: every ``sum(sizes)`` trials each island has as many as its size says, in an
    order drawn anew, so that no island has every fourth number of a sequence alone. All peers draw alike."""

    def __init__(self, plan: Islands, seed: int) -> None:
        self._round = np.repeat(np.arange(plan.count), plan.sizes or [1] * plan.count)
        self._length = ROUNDS * len(self._round)
        self._seed = seed % 2**64
        self._drawn: dict[int, list[int]] = {}

    def island(self, number: int) -> int:
        part, place = divmod(number, self._length)
        if part not in self._drawn:
            rng = np.random.default_rng([self._seed, part])
            rounds = rng.permuted(np.tile(self._round, (ROUNDS, 1)), axis=1)
            self._drawn[part] = rounds.ravel().tolist()
        return self._drawn[part][place]
