"""The options that a scheduler was given: each is taken once, and what is left over is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shoal.dialects.syne_tune.refusals import refused
from shoal.errors import StudyError

REASONS = {  # options that are known, and why they are not there
    "transfer_learning_evaluations": "studies begin with what is known only as starting points: points_to_evaluate",
    "rung_levels": "rungs are least, η·least, η²·least …: use grace_period and reduction_factor",
    "rung_increment": "rungs are least, η·least, η²·least …: use grace_period and reduction_factor",
    "cost_attr": "costs are not modelled; count the cost along a trial instead, with time_attr",
    "custom_explore_fn": "write a rule of your own instead (docs/extending.md)",
    "early_checkpoint_removal_kwargs": "checkpoints of stopped trials are removed at once",
    "time_keeper": "to simulate, use `shoal simulate`",
}


class Options:
    """``of`` is the scheduler's name, for messages."""

    def __init__(self, of: str, given: Mapping[str, Any]) -> None:
        self.of, self._given = of, dict(given)

    def place(self, values: Sequence[Any], names: Sequence[str]) -> None:
        """Take in what was given by its place."""
        if len(values) > len(names):
            raise StudyError(f"{self.of}: give what comes after {names[-1]} by name")
        for name, value in zip(names, values, strict=False):
            if name in self._given:
                raise StudyError(f"{self.of}: {name} is given twice")
            self._given[name] = value

    def take(self, name: str, default: Any = None) -> Any:
        """The value of an option, or the default where it was not given, or as None."""
        value = self._given.pop(name, None)
        return default if value is None else value

    def renamed(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The options that were given of these, by the names they have in Shoal."""
        found = {ours: self._given.pop(theirs, None) for theirs, ours in names.items()}
        return {name: value for name, value in found.items() if value is not None}

    def finish(self) -> None:
        """Refuse what no one took, unless it is None."""
        for name, value in self._given.items():
            if value is not None:
                why = REASONS.get(name, "leave it out; docs/coming-from-syne-tune.md has what is translated")
                raise refused(f"{self.of}({name}={value!r:.100})", why)
