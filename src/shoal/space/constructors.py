"""The words that users write for domains: ``uniform``, ``loguniform``, ``randint``, ``choice`` and the others.

Each checks what it is given and says what to write instead. Bounds may come in either order, both ends are included.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from shoal.errors import SpaceError
from shoal.space.choices import KINDS, Categorical, Constant, Ordinal, key
from shoal.space.domain import EXACT, MISSING, Extras, finished, real
from shoal.space.numbers import Float, Grid, Normal, backward, forward
from shoal.space.plain import foreign, own


def uniform(low: float, high: float, *, default: Any = MISSING) -> Float:
    """A float between ``low`` and ``high``.

    >>> uniform(0.0, 0.99)
    uniform(0.0, 0.99)
    """
    low, high = _ordered("uniform", low, high)
    return finished(Float(float(low), float(high), extras=Extras(default=default)))


def loguniform(low: float, high: float, *, default: Any = MISSING) -> Float:
    """A float between ``low`` and ``high``, uniform in its logarithm: for rates and penalties. Needs 0 < low."""
    low, high = _positive("loguniform", low, high, "uniform")
    return finished(Float(float(low), float(high), "log", extras=Extras(default=default)))


def reverseloguniform(low: float, high: float, *, default: Any = MISSING) -> Float:
    """A float between ``low`` and ``high``, uniform in log(1 - x): for values near 1, such as a momentum."""
    low, high = _below_one("reverseloguniform", low, high)
    return finished(Float(float(low), float(high), "reverselog", extras=Extras(default=default)))


def quniform(low: float, high: float, step: float, *, default: Any = MISSING) -> Grid:
    """A float of the grid ``low, low + step, …`` up to ``high``."""
    low, high = _ordered("quniform", low, high)
    return finished(
        Grid(
            float(low), float(high), _step("quniform", low, high, step), "linear", False, extras=Extras(default=default)
        )
    )


def qloguniform(low: float, high: float, step: float, *, default: Any = MISSING) -> Grid:
    """A float of the grid ``low, low + step, …``, uniform in its logarithm."""
    low, high = _positive("qloguniform", low, high, "quniform")
    step = _step("qloguniform", low, high, step)
    return finished(Grid(float(low), float(high), step, "log", False, extras=Extras(default=default)))


def qreverseloguniform(low: float, high: float, step: float, *, default: Any = MISSING) -> Grid:
    """A float of the grid ``low, low + step, …``, uniform in log(1 - x)."""
    low, high = _below_one("qreverseloguniform", low, high)
    step = _step("qreverseloguniform", low, high, step)
    return finished(Grid(float(low), float(high), step, "reverselog", False, extras=Extras(default=default)))


def randint(low: int, high: int, *, default: Any = MISSING) -> Grid:
    """An int between ``low`` and ``high``, both included."""
    return qrandint(low, high, 1, default=default, _name="randint")


def lograndint(low: int, high: int, *, default: Any = MISSING) -> Grid:
    """An int between ``low`` and ``high``, both included, uniform in its logarithm. Needs 1 <= low."""
    return qlograndint(low, high, 1, default=default, _name="lograndint")


def qrandint(low: int, high: int, step: int, *, default: Any = MISSING, _name: str = "qrandint") -> Grid:
    """An int of the grid ``low, low + step, …`` up to ``high``."""
    low, high, step = _whole(_name, low, high, step)
    return finished(Grid(low, high, step, extras=Extras(default=default)))


def qlograndint(low: int, high: int, step: int, *, default: Any = MISSING, _name: str = "qlograndint") -> Grid:
    """An int of the grid ``low, low + step, …``, uniform in its logarithm."""
    low, high, step = _whole(_name, low, high, step)
    _positive(_name, low, high, _name.replace("log", ""))
    return finished(Grid(low, high, step, "log", extras=Extras(default=default)))


def finrange(low: float, high: float, size: int, *, integer: bool = False, default: Any = MISSING) -> Ordinal:
    """``size`` floats from ``low`` to ``high`` in equal steps; rounded to ints with ``integer=True``.

    >>> finrange(0.0, 1.0, 5)
    ordinal([0.0, 0.25, 0.5, 0.75, 1.0], 'value')
    """
    return _range("finrange", low, high, size, integer, "linear", default)


def logfinrange(low: float, high: float, size: int, *, integer: bool = False, default: Any = MISSING) -> Ordinal:
    """``size`` numbers from ``low`` to ``high``, each the same multiple of the one before it."""
    _positive("logfinrange", low, high, "finrange")
    return _range("logfinrange", low, high, size, integer, "log", default)


def normal(
    mu: float, sigma: float, low: float | None = None, high: float | None = None, *, default: Any = MISSING
) -> Normal:
    """A float drawn from a normal distribution, cut off at ``low`` and ``high`` where they are given."""
    return _normal("normal", mu, sigma, low, high, default)


def lognormal(
    mu: float, sigma: float, low: float | None = None, high: float | None = None, *, default: Any = MISSING
) -> Normal:
    """A float above 0 whose logarithm is normal with ``mu`` and ``sigma``; ``low`` and ``high`` bound the float."""
    return _normal("lognormal", mu, sigma, low, high, default)


def choice(choices: Sequence[Any], *, default: Any = MISSING) -> Categorical:
    """One of some values of any JSON type, also mixed.

    >>> choice(["sgd", "adam", None])
    choice(['sgd', 'adam', None])
    """
    return finished(Categorical(_values("choice", choices), extras=Extras(default=default)))


def ordinal(values: Sequence[Any], kind: str = "equal", *, default: Any = MISSING) -> Ordinal:
    """One of some values in order: neighbours are alike.

    ``kind`` says how far apart they lie: ``"equal"`` steps, by ``"value"``, or by ``"log"`` value.
    """
    values = _values("ordinal", values)
    if kind not in KINDS:
        raise SpaceError(f"ordinal: kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    if kind != "equal":
        numbers = [real(f"ordinal(…, {kind!r})", value) for value in values]
        if sorted(numbers) != numbers or (kind == "log" and numbers[0] <= 0):
            raise SpaceError(f"ordinal(…, {kind!r}) needs rising numbers{' above 0' * (kind == 'log')}, got {values}")
    return finished(Ordinal(values, kind, extras=Extras(default=default)))


def constant(value: Any) -> Constant:
    """A value that is not searched, but handed to the objective with the rest."""
    return Constant(_values("constant", [value]))


def _ordered(name: str, low: float, high: float) -> tuple[float, float]:
    low, high = (real(f"{name}({low!r}, {high!r})", end) for end in (low, high))
    if not math.isfinite(high - low):
        raise SpaceError(f"{name}({low!r}, {high!r}): the range is wider than a float can hold")
    return min(low, high), max(low, high)


def _positive(name: str, low: float, high: float, instead: str) -> tuple[float, float]:
    low, high = _ordered(name, low, high)
    if low <= 0:
        raise SpaceError(f"{name} needs 0 < low <= high, got ({low}, {high}); for a range that reaches 0 use {instead}")
    return low, high


def _below_one(name: str, low: float, high: float) -> tuple[float, float]:
    low, high = _ordered(name, low, high)
    if not 0 <= low < 1 or high >= 1:
        raise SpaceError(f"{name} needs 0 <= low <= high < 1, got ({low}, {high})")
    return low, high


def _step(name: str, low: float, high: float, step: float) -> float:
    step = real(f"{name}'s step", step)
    if step <= 0 or not (high - low) / step < EXACT:
        raise SpaceError(f"{name}({low!r}, {high!r}, {step!r}) needs a step above 0, and at most 2**53 of them")
    return float(step)


def _whole(name: str, low: Any, high: Any, step: Any) -> tuple[int, int, int]:
    low, high, step = (real(f"{name}({low!r}, {high!r})", value) for value in (low, high, step))
    if any(value != int(value) or abs(value) > EXACT for value in (low, high, step)):
        raise SpaceError(
            f"{name} needs whole numbers of at most 2**53, got ({low!r}, {high!r}); for floats use uniform"
        )
    if step < 1:
        raise SpaceError(f"{name} needs a step of 1 or more, got {step!r}")
    return int(min(low, high)), int(max(low, high)), int(step)


def _range(name: str, low: float, high: float, size: int, integer: bool, scale: str, default: Any) -> Ordinal:
    low, high = _ordered(name, low, high)
    size = own(size)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1 or (size == 1) != (low == high):
        raise SpaceError(f"{name}({low}, {high}, {size!r}): size must be an int of 2 or more (1 where low == high)")
    start, stop = forward(scale, low), forward(scale, high)
    inner = [float(f"{backward(scale, start + k * (stop - start) / (size - 1)):.12g}") for k in range(1, size - 1)]
    exact = [float(low), *inner, float(high)] if size > 1 else [float(low)]
    values: list[float] = [round(v) for v in exact] if integer else exact
    return ordinal(list(dict.fromkeys(values)), "log" if scale == "log" else "value", default=default)


def _normal(name: str, mu: float, sigma: float, low: float | None, high: float | None, default: Any) -> Normal:
    real(f"{name}'s mu", mu)
    if real(f"{name}'s sigma", sigma) <= 0:
        raise SpaceError(f"{name} needs sigma > 0, got {sigma!r}")
    floor = 0.0 if name == "lognormal" else -math.inf
    bottom = floor if low is None else real(f"{name}'s low", low)
    top = math.inf if high is None else real(f"{name}'s high", high)
    bottom, top = min(bottom, top), max(bottom, top)
    if bottom == top or bottom < floor:
        raise SpaceError(f"{name} needs {'0 <= ' * (floor == 0)}low < high, got ({low!r}, {high!r})")
    domain = Normal(float(mu), float(sigma), float(bottom), float(top), name == "lognormal")
    if domain._ends[2] < 1e-12:
        raise SpaceError(f"{domain}: the range lies too far from mu to be drawn from; use uniform")
    return finished(
        Normal(float(mu), float(sigma), float(bottom), float(top), name == "lognormal", extras=Extras(default=default))
    )


def _values(name: str, values: Sequence[Any]) -> tuple[Any, ...]:
    values = own(values)
    if isinstance(values, (str, bytes)) or not isinstance(values, (list, tuple)) or not values:
        raise SpaceError(f"{name} needs a list of at least one value, as in {name}(['relu', 'tanh']); got {values!r}")
    try:
        texts = [json.dumps(value, allow_nan=False, ensure_ascii=False, default=foreign) for value in values]
        plain = [json.loads(text.encode()) for text in texts]
        keys = [key(value) for value in plain]
    except (TypeError, ValueError) as error:
        raise SpaceError(
            f"{name}({values!r}): values must be plain JSON (text, numbers, true, false, null, lists, dicts): {error}"
        ) from None
    if len(set(keys)) != len(keys):
        raise SpaceError(f"{name}({list(values)!r}): a value is listed twice")
    return tuple(plain)
