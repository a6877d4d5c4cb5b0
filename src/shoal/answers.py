"""The border at which an objective's answer becomes metrics: what is no result is refused here, with the reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shoal.errors import ObjectiveError
from shoal.records import Metrics

LONGEST = 10_000  # characters of a metric that is text


def metrics_of(answer: Any, metric: str, params: Mapping[str, Any], *, final: bool = True) -> Metrics:
    """An answer as metrics: a number is the study's metric, a mapping is taken by its names.

    Raises ObjectiveError for what is no result. A metric other than the study's that is not finite is kept as
    the text "nan" or "inf", so that one undefined side metric does not cost the trial.
    """
    if type(answer) is float and math.isfinite(answer):
        return {metric: answer}
    if not isinstance(answer, Mapping):
        answer = {metric: answer}
    metrics: Metrics = {}
    for name, value in answer.items():
        if not isinstance(name, str):
            raise ObjectiveError(f"the name of a metric must be text, got {name!r}")
        if name in params:
            hint = "; the function gets all params as one dict" if params.keys() <= answer.keys() else ""
            raise ObjectiveError(f"metric {name!r} has the name of a param; rename one of them{hint}")
        metrics[name] = _number(value) if name == metric else _loose(name, value)
    if metric in metrics:
        _require_finite(metric, metrics[metric])
    elif final:
        found = ", ".join(map(repr, metrics)) or "no metrics"
        raise ObjectiveError(f"metric {metric!r} is missing from the result, which has {found}; choose with metric=")
    return metrics


def _number(value: Any) -> float | int:
    """A plain number from a number of any library: numpy scalars, tensors and arrays of one element."""
    if type(value) in (float, int):
        return value  # type: ignore[no-any-return]
    plain = _scalar(value)
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        shown = f"{value!r}"[:200]
        raise ObjectiveError(f"the result must be a number or a dict of metrics, got {shown} ({type(value).__name__})")
    return float(plain) if isinstance(plain, float) else int(plain)


def _scalar(value: Any) -> Any:
    """The one element of an array or a tensor that has no other; all else as it is. The ``size`` of a tensor is a
    method."""
    if not hasattr(value, "item"):
        return value
    count = value.numel() if callable(getattr(value, "numel", None)) else getattr(value, "size", 1)
    return value.item() if count == 1 else value


def _loose(name: str, value: Any) -> float | int | bool | str:
    if isinstance(plain := _scalar(value), (bool, str)):
        return plain[:LONGEST] if isinstance(plain, str) else plain
    try:
        number = _number(value)
        return number if math.isfinite(number) else str(float(number))
    except OverflowError:
        return str(value)[:LONGEST]
    except ObjectiveError:
        raise ObjectiveError(
            f"metric {name!r} must be a number, true or false, or text, got {value!r:.200} ({type(value).__name__})"
        ) from None


def _require_finite(metric: str, value: Any) -> None:
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise ObjectiveError(f"{metric} is {value!r:.50}: not a finite number")
