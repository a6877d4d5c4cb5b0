"""The 24 noiseless BBOB functions, each less its least value f_opt: 0 at the optimum, above 0 elsewhere.

N. Hansen, S. Finck, R. Ros, A. Auger: INRIA RR-6829, 2009, whose numbers and symbols are used. All take a point x [d],
d being 2 or more, and the frame that an instance is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from shoal.problems.bbob_frame import SCHWEFEL, Frame, valley_scale
from shoal.problems.bbob_transforms import conditioning, oscillate, penalty, skew
from shoal.space.domain import Array

# ---------------------------------------------------------------------- separable


def f1(x: Array, at: Frame) -> float:
    """Sphere."""
    z = x - at.optimum
    return float(z @ z)


def f2(x: Array, at: Frame) -> float:
    """Ellipsoid, of condition 10⁶."""
    return _ellipsoid(oscillate(x - at.optimum), at, 1e6)


def f3(x: Array, at: Frame) -> float:
    """Rastrigin."""
    return _rastrigin(conditioning(10.0, at.steps) * skew(0.2, oscillate(x - at.optimum), at.steps))


def f4(x: Array, at: Frame) -> float:
    """Büche-Rastrigin: ten times steeper to the right in every other dimension."""
    z = oscillate(x - at.optimum)
    steep = (z > 0) & (np.arange(len(z)) % 2 == 0)
    return _rastrigin(np.where(steep, 10.0, 1.0) * conditioning(10.0, at.steps) * z) + 100 * penalty(x)


def f5(x: Array, at: Frame) -> float:
    """Linear slope, towards a corner of the domain and flat beyond."""
    z = np.where(x * at.optimum < 25.0, x, at.optimum)
    s = at.signs * 10.0**at.steps
    return float((5 * np.abs(s) - s * z).sum())


# ---------------------------------------------------------------------- low or moderate conditioning


def f6(x: Array, at: Frame) -> float:
    """Attractive sector: a hundred times steeper but in one cone."""
    z = at.conditioned(10.0, x)
    s = np.where(z * at.optimum > 0, 100.0, 1.0)
    return float(oscillate(((s * z) ** 2).sum()) ** 0.9)


def f7(x: Array, at: Frame) -> float:
    """Step ellipsoid: plateaus, with a slight slope so that its minimum is one."""
    hat = conditioning(10.0, at.steps) * at.rotated(x)
    stepped = np.where(np.abs(hat) > 0.5, np.floor(0.5 + hat), np.floor(0.5 + 10 * hat) / 10)
    return 0.1 * max(abs(float(hat[0])) / 1e4, _ellipsoid(at.Q @ stepped, at, 100.0)) + penalty(x)


def f8(x: Array, at: Frame) -> float:
    """Rosenbrock."""
    return float(_valley(valley_scale(len(x)) * (x - at.optimum) + 1).sum())


def f9(x: Array, at: Frame) -> float:
    """Rosenbrock, rotated."""
    return float(_valley(valley_scale(len(x)) * (at.R @ x) + 0.5).sum())


# ---------------------------------------------------------------------- high conditioning, unimodal


def f10(x: Array, at: Frame) -> float:
    """Ellipsoid, rotated, of condition 10⁶."""
    return _ellipsoid(oscillate(at.rotated(x)), at, 1e6)


def f11(x: Array, at: Frame) -> float:
    """Discus: one direction a thousand times as sensitive as the others."""
    z = oscillate(at.rotated(x))
    return float(1e6 * z[0] ** 2 + z[1:] @ z[1:])


def f12(x: Array, at: Frame) -> float:
    """Bent cigar: one direction a thousandth as sensitive as the others."""
    z = at.R @ skew(0.5, at.rotated(x), at.steps)
    return float(z[0] ** 2 + 1e6 * (z[1:] @ z[1:]))


def f13(x: Array, at: Frame) -> float:
    """Sharp ridge."""
    z = at.conditioned(10.0, x)
    return float(z[0] ** 2 + 100 * math.sqrt(z[1:] @ z[1:]))


def f14(x: Array, at: Frame) -> float:
    """Different powers: the exponents go from 2 to 6."""
    return math.sqrt((np.abs(at.rotated(x)) ** (2 + 4 * at.steps)).sum())


# ---------------------------------------------------------------------- multimodal, with a global structure


def f15(x: Array, at: Frame) -> float:
    """Rastrigin, rotated."""
    bent = skew(0.2, oscillate(at.rotated(x)), at.steps)
    return _rastrigin(at.R @ (conditioning(10.0, at.steps) * (at.Q @ bent)))


def f16(x: Array, at: Frame) -> float:
    """Weierstrass: rugged, and its minimum is reached at many points."""
    z = at.R @ (conditioning(0.01, at.steps) * (at.Q @ oscillate(at.rotated(x))))
    k = np.arange(12)
    waves = np.cos(2 * np.pi * 3.0**k * (z[:, None] + 0.5)) @ 0.5**k
    lowest = -2 + 0.5**11  # f_0: all cosines are -1
    return float(10 * (waves.mean() - lowest) ** 3 + 10 / len(x) * penalty(x))


def f17(x: Array, at: Frame) -> float:
    """Schaffer's F7."""
    return _schaffer(x, at, 10.0)


def f18(x: Array, at: Frame) -> float:
    """Schaffer's F7, of condition 1000."""
    return _schaffer(x, at, 1000.0)


def f19(x: Array, at: Frame) -> float:
    """Griewank of Rosenbrock, rotated."""
    s = _valley(valley_scale(len(x)) * (at.R @ x) + 0.5)
    return float(10 * (s / 4000 - np.cos(s)).mean() + 10)


# ---------------------------------------------------------------------- multimodal, with little global structure


def f20(x: Array, at: Frame) -> float:
    """Schwefel: the best minima lie near the corners of the unpenalised part."""
    hat = 2 * at.signs * x
    hat[1:] += 0.25 * (hat[:-1] - SCHWEFEL)
    z = 100 * (conditioning(10.0, at.steps) * (hat - SCHWEFEL) + SCHWEFEL)
    return float(4.189828872724339 - (z * np.sin(np.sqrt(np.abs(z)))).mean() / 100 + 100 * penalty(z / 100))


def f21(x: Array, at: Frame) -> float:
    """Gallagher's 101 Gaussian peaks."""
    return _gallagher(x, at)


def f22(x: Array, at: Frame) -> float:
    """Gallagher's 21 Gaussian peaks, the highest one of condition 1000."""
    return _gallagher(x, at)


def f23(x: Array, at: Frame) -> float:
    """Katsuura: rugged at every scale, with more than 10^d minima that are reached at many points."""
    z, d = at.conditioned(100.0, x), len(x)
    powers = 2.0 ** np.arange(1, 33)
    rough = np.abs(np.outer(z, powers) - np.round(np.outer(z, powers))) @ (1 / powers)
    product = (1 + np.arange(1, d + 1) * rough).prod() ** (10 / d**1.2)
    return float(10 / d**2 * product - 10 / d**2 + penalty(x))


def f24(x: Array, at: Frame) -> float:
    """Lunacek's bi-Rastrigin: two funnels, of which the worse one is wider."""
    d, mu = len(x), 2.5
    s = 1 - 1 / (2 * math.sqrt(d + 20) - 8.2)
    other = -math.sqrt((mu**2 - 1) / s)
    hat = 2 * at.signs * x
    funnels = min(float(((hat - mu) ** 2).sum()), d + s * float(((hat - other) ** 2).sum()))
    z = at.Q @ (conditioning(100.0, at.steps) * (at.R @ (hat - mu)))
    return float(funnels + 10 * (d - np.cos(2 * np.pi * z).sum()) + 1e4 * penalty(x))


_ALL = (f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24)
FUNCTIONS: Final[Mapping[int, Callable[[Array, Frame], float]]] = dict(enumerate(_ALL, start=1))

# ---------------------------------------------------------------------- what several share


def _ellipsoid(z: Array, at: Frame, condition: float) -> float:
    return float(condition**at.steps @ z**2)


def _rastrigin(z: Array) -> float:
    return float(10 * (len(z) - np.cos(2 * np.pi * z).sum()) + z @ z)


def _valley(z: Array) -> Array:
    """The terms of Rosenbrock's function [d - 1]."""
    return 100 * (z[:-1] ** 2 - z[1:]) ** 2 + (z[:-1] - 1) ** 2


def _schaffer(x: Array, at: Frame, condition: float) -> float:
    z = conditioning(condition, at.steps) * (at.Q @ skew(0.5, at.rotated(x), at.steps))
    s = np.hypot(z[:-1], z[1:])
    return float((np.sqrt(s) * (1 + np.sin(50 * s**0.2) ** 2)).mean() ** 2 + 10 * penalty(x))


def _gallagher(x: Array, at: Frame) -> float:
    assert at.peaks is not None
    offsets = (x - at.peaks.centers) @ at.R.T
    values = at.peaks.heights * np.exp(-0.5 / len(x) * (at.peaks.scales * offsets**2).sum(axis=1))
    return float(oscillate(10 - values.max()) ** 2 + penalty(x))
