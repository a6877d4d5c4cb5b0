"""The simplex method of Nelder and Mead as a value: what it wants to know next, and what it is once it knows.

J. Nelder, R. Mead: A Simplex Method for Function Minimization. The Computer Journal 7, 1965; in the form of F. Gao,
L. Han: Implementing the Nelder-Mead Simplex Algorithm with Adaptive Parameters. Computational Optimization and
Applications 51, 2012, whose coefficients suit the number of dimensions and are the classic ones where that is 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
VERTEX: Final = "a first vertex"
REFLECT: Final = "reflected"
EXPAND: Final = "expanded"
OUTSIDE: Final = "contracted outside"
INSIDE: Final = "contracted inside"
SHRINK: Final = "drawn to the best"


@dataclass(frozen=True)
class Coefficients:
    """α, β, γ and δ of Gao and Han: how far each move goes, and how small the simplex gets when it shrinks."""

    reflection: float
    expansion: float
    contraction: float
    shrinkage: float

    @classmethod
    def adaptive(cls, n: int) -> Coefficients:
        """Gao & Han, eq. 4.1."""
        n = max(n, 2)
        return cls(1.0, 1 + 2 / n, 0.75 - 1 / (2 * n), 1 - 1 / n)

    def along(self, step: str) -> float:
        """How far a move goes, from the centroid away from the worst vertex, in their distances."""
        a, b, c = self.reflection, self.expansion, self.contraction
        return {REFLECT: a, EXPAND: a * b, OUTSIDE: a * c, INSIDE: -a * c}[step]


@dataclass(frozen=True, eq=False)
class Vertex:
    """A point [m], its loss, and the trial that told it."""

    point: Array
    loss: float
    trial: int

    @property
    def rank(self) -> tuple[float, int]:
        return self.loss, self.trial


@dataclass(frozen=True, eq=False)
class Simplex:
    """A simplex that waits for the loss at one point: ``step`` says what that is to be.

    ``vertices`` are in the order of their losses; while some are missing, ``pending`` are the points of the others,
    the one that is waited for as the first.
    """

    vertices: tuple[Vertex, ...]
    pending: tuple[Array, ...]
    step: str
    wanted: Array
    bounded: NDArray[np.int_]  # coordinates that stay in [0, 1]
    coefficients: Coefficients
    reflected: Vertex | None = None
    centre: Vertex | None = None  # around which, or towards which, the pending vertices are to be

    @classmethod
    def begin(
        cls, points: list[Array], bounded: NDArray[np.int_], coefficients: Coefficients, known: Vertex | None = None
    ) -> Simplex:
        """One with vertices at some points; ``known`` is one more, whose loss is known."""
        vertices = () if known is None else (known,)
        return cls(vertices, tuple(points), VERTEX, points[0], bounded, coefficients, centre=known)

    @property
    def whole(self) -> bool:
        """Whether it has all its vertices, and its next step is the first of an iteration."""
        return not self.pending and self.step == REFLECT

    def after(self, loss: float, trial: int) -> Simplex:
        """What it is when the loss at the point that it wants is known (Gao & Han, section 2)."""
        found = Vertex(self.wanted, loss, trial)
        if self.pending:
            return self._joined(found)
        best, second, worst = self.vertices[0], self.vertices[-2], self.vertices[-1]
        if self.step == REFLECT:
            if loss < best.loss:
                return self._wants(EXPAND, found)
            if loss < second.loss:
                return self._accepts(found)
            return self._wants(OUTSIDE if loss < worst.loss else INSIDE, found)
        if self.step == EXPAND:
            return self._accepts(found if self.reflected is None or loss < self.reflected.loss else self.reflected)
        outside = self.reflected if self.step == OUTSIDE else None
        better = loss < worst.loss if outside is None else loss <= outside.loss
        return self._accepts(found) if better else self._shrinks()

    def _joined(self, found: Vertex) -> Simplex:
        vertices, pending = tuple(sorted((*self.vertices, found), key=_rank)), self.pending[1:]
        if pending:
            return replace(self, vertices=vertices, pending=pending, wanted=pending[0])
        return replace(self, vertices=vertices, pending=())._wants(REFLECT)

    def _accepts(self, found: Vertex) -> Simplex:
        vertices = tuple(sorted((*self.vertices[:-1], found), key=_rank))
        return replace(self, vertices=vertices)._wants(REFLECT)

    def _wants(self, step: str, reflected: Vertex | None = None) -> Simplex:
        if len(self.vertices) < 2:
            return replace(self, step=step, reflected=None)
        points = np.array([vertex.point for vertex in self.vertices])
        centroid = points[:-1].mean(0)
        wanted = centroid + self.coefficients.along(step) * (centroid - points[-1])
        return replace(self, step=step, reflected=reflected, wanted=self._inside(wanted))

    def _shrinks(self) -> Simplex:
        best, delta = self.vertices[0], self.coefficients.shrinkage
        pending = tuple(best.point + delta * (vertex.point - best.point) for vertex in self.vertices[1:])
        return replace(
            self, vertices=(best,), pending=pending, step=SHRINK, wanted=pending[0], reflected=None, centre=best
        )

    def _inside(self, point: Array) -> Array:
        point[self.bounded] = np.clip(point[self.bounded], 0.0, 1.0)
        return point

    def outcomes(self) -> list[tuple[float, float]]:
        """What the loss at the wanted point may be, a value for each thing that may follow, and how likely that is."""
        if self.pending:
            return [(1.0, self.vertices[0].loss if self.vertices else 0.0)]
        best, middle = self.vertices[0].loss, self.vertices[(len(self.vertices) - 1) // 2].loss
        better = best - 1.0 if math.isfinite(best) else 0.0
        if self.step == REFLECT:
            return [(0.45, middle), (0.35, math.inf), (0.2, better)]
        if self.step == EXPAND:
            return [(0.6, math.inf), (0.4, better - 1.0)]
        return [(0.9, middle if self.reflected is None else min(middle, self.reflected.loss)), (0.1, math.inf)]


def _rank(vertex: Vertex) -> tuple[float, int]:
    return vertex.rank
