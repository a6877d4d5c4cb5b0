"""The fourteen functions that Propulate is measured with, each on the domain and in the dimensions used there.

O. Taubert, M. Weiel, D. Coquelin, A. Farshian, C. Debus, A. Schug, A. Streit, M. Götz: Massively Parallel Genetic
Optimization Through Asynchronous Propagation of Populations. ISC High Performance 2023. The minima given here are those
of the functions as written; comments say where they differ from what is often quoted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from shoal.problems.problem import Problem, box, check_dimensions
from shoal.space.domain import Array

FUNNELS: Final = 2.5, 1.0  # μ₁, where the better funnel of bisphere and birastrigin lies, and d, how much better it is
SCHWEFEL: Final = 420.968746359982, 418.9828872724338  # where t sin √t is greatest in [0, 500], and how great it is
KEANE: Final = (
    1.3932490753255884,
    -0.6736675211468546,
)  # the first t > 0 with tan t = 4t, by Newton's method; -sin⁴(t)/t


def sphere(dimensions: int = 2) -> Problem:
    """Σ x²: convex and separable. K. De Jong's first function, 1975."""
    return _cube("sphere", lambda x: float(x @ x), 5.12, dimensions, at=0.0)


def rosenbrock(dimensions: int = 2) -> Problem:
    """Σ 100 (x_{i+1} - x_i²)² + (1 - x_i)²: a narrow valley along a parabola. H. Rosenbrock, 1960."""

    def value(x: Array) -> float:
        return float(100 * ((x[1:] - x[:-1] ** 2) ** 2).sum() + ((1 - x[:-1]) ** 2).sum())

    return _cube("rosenbrock", value, 2.048, dimensions, at=1.0, least=2)


def step(dimensions: int = 5) -> Problem:
    """Σ int(x_i), rounded towards zero: plateaus, which tell nothing about where to go.

    Its minimum is -5d, wherever all x_i <= -5; De Jong's third function rounds down and reaches -6d.
    """
    return _cube("step", lambda x: float(np.trunc(x).sum()), 5.12, dimensions, at=-5.06, minimum=lambda d: -5.0 * d)


def quartic(dimensions: int = 30, noise: np.random.Generator | None = None) -> Problem:
    """Σ i x_i⁴: flat around its minimum.

    Given a generator as ``noise``, it draws from it each time and answers the absolute value of Σ (i x_i⁴ + N(0, 1)).
    """

    def value(x: Array) -> float:
        exact = float(np.arange(1, len(x) + 1) @ x**4)
        return exact if noise is None else abs(exact + float(noise.standard_normal(len(x)).sum()))

    return _cube("quartic", value, 1.28, dimensions, at=0.0)


def rastrigin(dimensions: int = 20) -> Problem:
    """Σ x² + 10 (1 - cos 2πx): a parabola with a dent near every point of whole numbers. L. Rastrigin, 1974."""
    return _cube("rastrigin", lambda x: float(x @ x + _dents(x)), 5.12, dimensions, at=0.0)


def griewank(dimensions: int = 10) -> Problem:
    """1 + Σ x_i² / 4000 - Π cos(x_i / √i): shallow dents in a wide parabola. A. Griewank, 1981."""

    def value(x: Array) -> float:
        return float(1 + x @ x / 4000 - np.cos(x / np.sqrt(np.arange(1, len(x) + 1))).prod())

    return _cube("griewank", value, 600.0, dimensions, at=0.0)


def schwefel(dimensions: int = 10) -> Problem:
    """Σ 418.98… - x sin √|x|: the second best minimum lies far from the best. H.-P. Schwefel, 1981, function 2.26.

    With the constant in full the minimum is 0; rounded to 418.982887, as is usual, it would be -2.7e-7 d.
    """
    at, height = SCHWEFEL

    def value(x: Array) -> float:
        return float((height - x * np.sin(np.sqrt(np.abs(x)))).sum())

    return _cube("schwefel", value, 500.0, dimensions, at)


def bisphere(dimensions: int = 30) -> Problem:
    """The lesser of two spheres, of which the worse one is wider. M. Lunacek, D. Whitley, A. Sutton, PPSN 2008.

    Its factor 1 - √(1 / (2 √(d + 20) - 8.2)) is Propulate's; the two funnels of BBOB's f24 have no outer root there.
    """
    return _cube("bisphere", _funnels, 5.12, dimensions, FUNNELS[0], least=2)


def birastrigin(dimensions: int = 30) -> Problem:
    """`bisphere` with the dents of `rastrigin`. M. Lunacek, D. Whitley, A. Sutton, PPSN 2008."""
    best = FUNNELS[0]
    return _cube("birastrigin", lambda x: _funnels(x) + _dents(x - best), 5.12, dimensions, best, least=2)


def bukin() -> Problem:
    """100 √|y - x²/100| + |x + 10| / 100: a curved ridge with a sharp edge. A. Bukin, 1997, function 6."""

    def value(x: Array) -> float:
        return float(100 * np.sqrt(np.abs(x[1] - 0.01 * x[0] ** 2)) + 0.01 * np.abs(x[0] + 10))

    return Problem("bukin", box([(-15.0, -5.0), (-3.0, 3.0)]), value, 0.0, np.array([-10.0, 1.0]))


def eggcrate() -> Problem:
    """x² + y² + 25 (sin² x + sin² y). Its minimum is 0, not -1 as is sometimes quoted."""
    return _plane("eggcrate", lambda x: float(x @ x + 25 * (np.sin(x) ** 2).sum()), -5.0, 5.0, (0.0, 0.0))


def himmelblau() -> Problem:
    """(x² + y - 11)² + (x + y² - 7)²: four minima, all 0; (3, 2) is the one in whole numbers. D. Himmelblau, 1972."""

    def value(x: Array) -> float:
        return float((x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2)

    return _plane("himmelblau", value, -6.0, 6.0, (3.0, 2.0))


def keane() -> Problem:
    """-sin²(x - y) sin²(x + y) / √(x² + y²), for x, y >= 0. A. Keane, 1994.

    The minimum, about -0.67367 (often quoted without its sign), is reached at (0, t) and at (t, 0), where
    -sin⁴(t) / t is least, that is tan t = 4t: no closed form.
    """

    def value(x: Array) -> float:
        radius = math.hypot(x[0], x[1])  # at 0 the value tends to 0, as radius³
        return -((math.sin(x[0] - x[1]) * math.sin(x[0] + x[1])) ** 2) / radius if radius else 0.0

    return _plane("keane", value, 0.0, 10.0, (0.0, KEANE[0]), KEANE[1])


def leon() -> Problem:
    """100 (y - x³)² + (1 - x)²: a valley along a cubic. A. Leon, 1966."""
    return _plane("leon", lambda x: float(100 * (x[1] - x[0] ** 3) ** 2 + (1 - x[0]) ** 2), 0.0, 10.0, (1.0, 1.0))


CLASSIC: Final[Mapping[str, Callable[..., Problem]]] = {
    make.__name__: make
    for make in (
        sphere, rosenbrock, step, quartic, rastrigin, griewank, schwefel, bisphere, birastrigin, bukin, eggcrate,
        himmelblau, keane, leon,
    )
}  # fmt: skip


def _cube(
    name: str,
    function: Callable[[Array], float],
    reach: float,
    dimensions: int,
    at: float,
    minimum: Callable[[int], float] = lambda _: 0.0,
    least: int = 1,
) -> Problem:
    """A problem on [-reach, reach]^d whose minimum lies on the diagonal."""
    d = check_dimensions(name, dimensions, least)
    return Problem(name, box([(-reach, reach)] * d), function, minimum(d), np.full(d, at))


def _plane(
    name: str,
    function: Callable[[Array], float],
    low: float,
    high: float,
    at: tuple[float, float],
    minimum: float = 0.0,
) -> Problem:
    return Problem(name, box([(low, high)] * 2), function, minimum, np.array(at))


def _dents(x: Array) -> float:
    return float(10 * (1 - np.cos(2 * np.pi * x)).sum())


def _funnels(x: Array) -> float:
    best, lead = FUNNELS
    width = 1 - math.sqrt(1 / (2 * math.sqrt(len(x) + 20) - 8.2))
    other = -math.sqrt((best**2 - lead) / width)
    return float(min(((x - best) ** 2).sum(), lead * len(x) + width * ((x - other) ** 2).sum()))
