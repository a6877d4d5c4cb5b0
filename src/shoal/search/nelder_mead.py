"""The simplex method of Nelder and Mead, for many peers at once and without waiting for any of them.

J. Nelder, R. Mead: A Simplex Method for Function Minimization. The Computer Journal 7, 1965. While one peer tries a
move of the worst vertex, others try moves of the next ones, as in D. Lee, M. Wiswall: A Parallel Implementation of the
Simplex Function Minimization Routine. Computational Economics 30, 2007; then what may come after the moves that are
being tried. When the simplex has collapsed, a new one begins: around the best where this one found it, else elsewhere.
For cheap trials of few numbers, with little noise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from shoal.contracts import Proposal
from shoal.errors import SpaceError
from shoal.history import History
from shoal.models.simplex import EXPAND, FURTHER, INSIDE, OUTSIDE, REFLECT, Coefficients, Simplex
from shoal.records import AnyRecord
from shoal.search.design import Design
from shoal.search.lineage import Lineage, called
from shoal.search.positions import Positions, beginning
from shoal.search.tried import DRAWS, Tried
from shoal.space import Params
from shoal.space.cube import Cube
from shoal.space.domain import Array

WINDOW: Final = 4_096  # numbers beyond its own by which a peer tells how many others ask at the same time
KEPT: Final = 1_024  # trials whose positions are kept
MOVABLE: Final = 16  # vertices, the worst, that may move at once
SAME: Final = 0.25  # of the way: a vertex is not moved again to where a move of it has ended that near
FLAT: Final = 100.0  # times as long as thick: a simplex that is given a new form
GAIN: Final = 1e-3  # of the loss, that a run around the best is to gain for another one


@dataclass(frozen=True, eq=False)
class View:
    """What there is to be seen of the run that goes on, or begins."""

    run: int
    simplex: Simplex
    scale: float
    anchor: int | None
    corners: tuple[Array, ...]  # places of the first vertices; the first is the anchor, where there is one
    missing: tuple[int, ...]  # those of them that no trial has reached


@dataclass
class NelderMead:
    """Settings: α, β, γ and δ of Gao and Han (None: what suits the number of dimensions); the edges of the first
    simplex, and the extent of one that has collapsed, in shares of the ranges."""

    reflection: float = 1.0
    expansion: float | None = None
    contraction: float | None = None
    shrinkage: float | None = None
    scale: float = 0.2
    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        usual = Coefficients.adaptive(2)
        beta = usual.expansion if self.expansion is None else self.expansion
        gamma = usual.contraction if self.contraction is None else self.contraction
        delta = usual.shrinkage if self.shrinkage is None else self.shrinkage
        if not 0 < self.reflection < math.inf or not 1 < beta < math.inf or not 0 < gamma < 1 or not 0 < delta < 1:
            raise SpaceError(
                f"nelder_mead needs reflection > 0, expansion > 1, contraction and shrinkage in (0, 1), got {self}"
            )
        if not 0 < self.scale <= 0.5 or not 1e-10 <= self.tolerance < self.scale:
            raise SpaceError(f"nelder_mead needs scale in (0, 0.5] and tolerance in [1e-10, scale), got {self}")

    def begin(self, history: History) -> None:
        self._history, self._space, self._cube = history, history.space, Cube(history.space)
        self._tried, self._positions = Tried(history), Positions(history, self._cube)
        self._design = Design(self._cube, self._tried, history.definition.seed)
        usual = Coefficients.adaptive(self._positions.freedom)
        self._coefficients = Coefficients(
            self.reflection,
            self.expansion or usual.expansion,
            self.contraction or usual.contraction,
            self.shrinkage or usual.shrinkage,
        )
        self._continuous = np.array([domain.size == math.inf for domain in self._cube.domains], dtype=bool)
        self._known: dict[int, tuple[Array, Array]] = {}  # trial -> its place in the cube, and its position
        self._corners: tuple[tuple[int, int | None, float], tuple[Array, ...]] = ((0, None, 0.0), ())
        self._lineage = Lineage(history, self._fits)
        self._view: View | None = None

    def tell(self, record: AnyRecord) -> None:
        self._tried.tell(record)
        self._lineage.tell(record)
        self._known.pop(getattr(record, "number", -1), None)
        self._view = None

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        if not self._space.names:
            return Proposal(self._tried.draw(lambda: self._space.sample(rng), rng), "the only point")
        view = self._view = self._view or self._look()
        found = self._proposed(view, self._ahead(number + len(self._history.definition.start)), rng)
        why = ""

        def propose() -> Params:
            nonlocal why
            params, why = next(found)
            return params

        params = self._tried.draw(propose, rng)
        return Proposal(params, f"run {view.run}: {why}")

    # ------------------------------------------------------------------ what there is to be seen

    def _look(self) -> View:
        lineage = self._lineage
        if not lineage.run:
            return self._next(1, self._stranger())
        _, scale, anchor = lineage.begun
        view = self._seen(lineage.run, anchor, scale if anchor is not None else self.scale)
        stranger = self._stranger()
        if stranger is not None:
            return self._next(view.run + 1, stranger, view)
        if view.missing:
            return self._next(view.run + 1) if lineage.trials > 8 * len(view.corners) + 64 else view
        flat = self._flattened(view.simplex)
        if flat > 2 * self.tolerance:
            return self._seen(view.run + 1, view.simplex.numbers[0], float(f"{min(flat, self.scale):.3g}"))
        if not self._collapsed(view.simplex):
            return view
        best = view.simplex.numbers[0]
        before = math.inf if view.anchor is None else lineage.loss(view.anchor)
        gained = lineage.loss(best) < before - GAIN * abs(before) if before < math.inf else True
        return self._next(view.run + 1, best if gained and best == self._best() else None)

    def _best(self) -> int | None:
        """The best trial of all whose params lie in the space."""
        best = self._history.best
        return best if best is not None and self._history.inside(best) else None

    def _stranger(self) -> int | None:
        """The best trial of all, if no search of this kind has proposed it or gone on from it."""
        best, lineage = self._best(), self._lineage
        if best is None or best in lineage.anchors or best in lineage.roles or lineage.own(best):
            return None
        return best

    def _next(self, run: int, anchor: int | None = None, before: View | None = None) -> View:
        """A run that begins: around a trial, as wide as that is away from the last simplex, or elsewhere."""
        scale = self.scale
        if anchor is not None and before is not None and len(before.simplex):
            away = self._positions.apart(self._place(anchor), self._place(before.simplex.numbers[0]))
            scale = float(f"{min(max(2 * away, 10 * self.tolerance), scale):.3g}")
        return self._seen(run, anchor, scale)

    def _seen(self, run: int, anchor: int | None, scale: float) -> View:
        lineage = self._lineage
        if self._corners[0] != (run, anchor, scale):
            self._corners = (run, anchor, scale), tuple(self._positions.corners(self._begin(run, anchor), run, scale))
        corners = self._corners[1]
        vertices = lineage.vertices if run == lineage.run else {} if anchor is None else {0: anchor}
        slots = [slot for slot in sorted(vertices) if slot < len(corners)]
        numbers = [vertices[slot] for slot in slots]
        points = np.array([self._where(number)[1] for number in numbers]).reshape(len(numbers), self._positions.width)
        simplex = Simplex.of(points, [lineage.loss(number) for number in numbers], numbers)
        missing = tuple(slot for slot in range(len(corners)) if slot not in vertices)
        return View(run, simplex, scale, anchor, corners, missing)

    def _begin(self, run: int, anchor: int | None) -> Array:
        if anchor is not None:
            return self._positions.place(anchor)
        return beginning(self._design, self._cube, run, self._history.definition.seed)

    def _place(self, number: int) -> Array:
        return self._where(number)[0]

    def _where(self, number: int) -> tuple[Array, Array]:
        if number not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            place = self._positions.place(number)
            self._known[number] = place, self._positions.of(number, place)
        return self._known[number]

    def _fits(self, number: int, run: int, scale: float, anchor: int | None) -> bool:
        """Whether a trial is as near to where a run begins as its first vertices are."""
        gaps = np.abs(self._positions.place(number) - self._begin(run, anchor))[self._continuous]
        return bool((np.nan_to_num(gaps) <= min(scale, self.scale) * (1 + 1e-6)).all())

    def _collapsed(self, simplex: Simplex) -> bool:
        """Whether the vertices are all at one place, or all as good."""
        if not simplex.losses[-1] - simplex.losses[0] > 1e-14 * abs(simplex.losses[0]):
            return True
        first, *others = (self._place(number) for number in simplex.numbers)
        return all(self._positions.apart(first, other) <= self.tolerance for other in others)

    def _flattened(self, simplex: Simplex) -> float:
        """How wide a simplex is that lies in a plane, or nearly so: its vertices have lost their way, as those may that
        move at once. It is given a new form (C. Kelley: Detection and Remediation of Stagnation in the Nelder-Mead
        Algorithm. SIAM Journal on Optimization 10, 1999). 0 for a simplex in form."""
        spans = (simplex.points[1:] - simplex.points[0])[
            :, self._positions.numbers[self._continuous[self._cube.numbers]]
        ]
        lengths = np.linalg.svd(spans, compute_uv=False) if spans.size else np.ones(1)
        return float(np.abs(spans).max()) if lengths[0] > FLAT * lengths[-1] else 0.0

    # ------------------------------------------------------------------ what is proposed

    def _proposed(self, view: View, ahead: int, rng: np.random.Generator) -> Iterator[tuple[Params, str]]:
        """What no one has tried, the most promising first, but for what others ask for now; without end."""
        moves = self._first(view, rng) if view.missing else self._moves(view)
        given: set[bytes] = set()
        for point, why in moves:
            params = self._open(point)
            if params is None or point.tobytes() in given:
                continue
            given.add(point.tobytes())
            if len(given) > ahead:
                yield params, why
        for _ in range(DRAWS // 2):
            yield from self._beside(view, rng)
        while True:
            yield self._space.sample(rng), "anywhere, as all around was tried"

    def _open(self, place: Array) -> Params | None:
        """The params at a place of the cube, unless they were tried or are not allowed."""
        params = self._cube.params(place)
        return None if params in self._tried or not self._space.allows(params) else params

    def _first(self, view: View, rng: np.random.Generator) -> Iterator[tuple[Array, str]]:
        """The first vertices: those that no one tries first, then others in their place."""
        tail = "" if view.anchor is None else f" within {view.scale:g} of {called(view.anchor)}"
        roles, current = self._lineage.roles, view.run == self._lineage.run
        tried = {roles[number].slot for number in self._history.running if number in roles} if current else set()
        for slot in sorted(view.missing, key=lambda slot: slot in tried):
            if slot not in tried:
                yield self._cube.snap(view.corners[slot][None])[0], f"vertex {slot}{tail}"
        numbers, begin = self._cube.numbers, view.corners[0]
        for _ in range(DRAWS):
            slot = view.missing[int(rng.integers(len(view.missing)))]
            place = view.corners[slot].copy()
            along = place != begin if (place != begin)[numbers].any() else self._continuous
            near = begin + view.scale * (2 * rng.random(len(place)) - 1) * along
            place[numbers] = np.clip(near, 0.0, 1.0)[numbers]
            yield self._cube.snap(place[None])[0], f"vertex {slot}{tail}"

    def _moves(self, view: View) -> Iterator[tuple[Array, str]]:
        """What a whole simplex may try, the most promising first."""
        simplex, lineage = view.simplex, self._lineage
        roles, last = lineage.roles, len(simplex) - 1
        if not last:
            return
        busy = {roles[number].parent for number in self._history.running if number in roles}
        busy &= set(simplex.numbers)
        moving = len(busy) + 1
        if roles[simplex.numbers[0]].move == REFLECT and simplex.numbers[0] not in busy:
            yield from self._move(simplex, 0, FURTHER)
        held = [roles[number] for number in simplex.numbers]
        behind = {
            vertex
            for vertex in range(1, last + 1)
            if held[vertex].shrinks < lineage.shrinks and held[vertex].slot not in lineage.spared
        }
        for vertex in behind:
            if simplex.numbers[vertex] not in busy:
                yield self._drawn(simplex, vertex, lineage.shrinks)
        order = [vertex for vertex in range(last, max(last - MOVABLE, 0), -1) if vertex not in behind]
        for vertex in order:
            stuck = True
            for kind in (REFLECT, INSIDE):
                for place, why in self._move(simplex, vertex, kind, moving):
                    stuck &= self._open(place) is None
                    yield place, why
            if stuck and vertex == last and not busy:
                for other in range(1, last + 1):
                    yield self._drawn(simplex, other, lineage.shrinks + 1)
        for vertex in order:
            for kind in (EXPAND, OUTSIDE):
                yield from self._move(simplex, vertex, kind, moving)
        yield from self._move(simplex, 0, FURTHER)

    def _move(self, simplex: Simplex, vertex: int, kind: str, moving: int = 1) -> Iterator[tuple[Array, str]]:
        """A move of a vertex, unless one of it has ended about there, or it came from there."""
        number = simplex.numbers[vertex]
        point = self._positions.bounded(simplex.moved(vertex, self._coefficients.along(kind), moving))
        place = self._positions.back(point)
        apart, role = self._positions.apart, self._lineage.roles[number]
        known = [*self._lineage.children.get(number, ()), *([role.parent] if role.parent >= 0 else [])]
        running = self._history.running
        if any(other in running and self._lineage.roles[other].move == kind for other in known if other != role.parent):
            return
        near = SAME * apart(self._place(number), place)
        if all(apart(self._place(other), place) > near for other in known):
            yield place, f"{called(number)} {kind}"

    def _drawn(self, simplex: Simplex, vertex: int, shrinks: int) -> tuple[Array, str]:
        """A vertex when the simplex shrinks towards the best."""
        place = self._positions.back(simplex.shrunk(vertex, self._coefficients.shrinkage))
        best = called(simplex.numbers[0])
        return place, f"{called(simplex.numbers[vertex])} drawn to {best}, shrink {shrinks}"

    def _beside(self, view: View, rng: np.random.Generator) -> Iterator[tuple[Params, str]]:
        """Some move of some vertex."""
        simplex = view.simplex
        if view.missing or len(simplex) < 2:
            return
        vertex = int(rng.integers(len(simplex)))
        place = self._positions.back(simplex.moved(vertex, 3 * rng.random() - 1))
        params = self._cube.params(place)
        if self._space.allows(params):
            yield params, f"{called(simplex.numbers[vertex])} moved"

    def _ahead(self, number: int) -> int:
        """How many others ask at the same time, and know as little of this trial as it does of theirs: peers with later
        numbers, and those with numbers between the last one that is known and this."""
        state, first = self._history.state[: self._history.length], max(number - WINDOW, 0)
        later = state[number + 1 : number + WINDOW] > 0
        beyond = int(np.count_nonzero(later[1:] & ~later[:-1])) + int(later[0]) if len(later) else 0
        known = first + np.flatnonzero(state[first:number])[-9:]
        if not len(known):
            return beyond + number % WINDOW
        usual = int(np.diff(known).max()) if len(known) > 1 else 1  # where numbers have gaps for good
        return beyond + (number - int(known[-1]) - 1) // usual
