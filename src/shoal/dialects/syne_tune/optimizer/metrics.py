"""What a scheduler was told of its metrics: their names, and which way each is better."""

from __future__ import annotations

from typing import Any

from shoal.dialects.syne_tune.optimizer.options import Options
from shoal.dialects.syne_tune.refusals import refused
from shoal.errors import StudyError

ONE = (
    "a search for one metric; RandomSearch, MOASHA, EHVI, NSGA2, MOREA and MORandomScalarizationBayesOpt take several; "
    "or report a weighted sum of the metrics and tune that"
)
MODES = {"min": "minimize", "max": "maximize"}


def metrics_of(given: Options, metric: Any, several: bool) -> dict[str, str]:
    """Each metric with its goal, the study's own first. Raises StudyError for none, and for more than there may be."""
    told = given.take("metrics", metric)
    names = list(told) if isinstance(told, (list, tuple)) else [told]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise StudyError(f"{given.of} needs metric, the name of what is reported, as in metric='accuracy'")
    if len(names) > 1 and not several:
        raise refused(f"{given.of}(metric={names!r:.100})", ONE)
    if len(set(names)) < len(names):
        raise StudyError(f"{given.of}: a metric is named twice: {names!r:.100}")
    return dict(zip(names, _goals(given, len(names)), strict=True))


def _goals(given: Options, count: int) -> list[str]:
    mode, least = given.take("mode"), given.take("do_minimize")
    modes = list(mode) if isinstance(mode, (list, tuple)) else [mode] * count
    if any(one not in (None, *MODES) for one in modes) or least not in (None, True, False):
        raise StudyError(f"{given.of}: mode is 'min' or 'max', and do_minimize True or False; got {mode!r}, {least!r}")
    if len(modes) != count:
        raise StudyError(f"{given.of}: each metric needs its mode, in the same order; got mode={mode!r:.100}")
    if least is not None and any(one not in (None, "min" if least else "max") for one in modes):
        raise StudyError(f"{given.of}: mode={mode!r} and do_minimize={least!r} contradict each other; give one of them")
    return [MODES[one or ("max" if least is False else "min")] for one in modes]


def mode_of(goals: list[str]) -> str | list[str]:
    """Goals as Syne Tune says them: "min" or "max", or a list where metrics differ."""
    modes = ["max" if goal == "maximize" else "min" for goal in goals]
    return modes[0] if len(set(modes)) == 1 else modes
