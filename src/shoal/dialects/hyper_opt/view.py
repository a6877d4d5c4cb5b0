"""What an objective of the document's form is given as ``study``: what is known of the study, by Optuna's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.errors import StudyError
from shoal.live import LiveTrial
from shoal.trial import Trial


class StudyView:
    """Read-only; as fresh as what the peer has read."""

    def __init__(self, live: LiveTrial, metrics: Mapping[str, str]) -> None:
        self._history, self._metrics = live._journal.history, metrics

    @property
    def study_name(self) -> str:
        return self._history.definition.name

    @property
    def direction(self) -> str:
        return next(iter(self._metrics.values()))

    @property
    def directions(self) -> list[str]:
        return list(self._metrics.values())

    @property
    def trials(self) -> list[Trial]:
        return list(self._history.trials())

    @property
    def best_trial(self) -> Trial:
        """The best so far. Raises StudyError while no trial is done."""
        if self._history.best is None:
            raise StudyError(f"study {self.study_name!r} has no finished trial yet")
        return self._history.trial(self._history.best)

    @property
    def best_value(self) -> float | None:
        return self.best_trial.value

    @property
    def best_params(self) -> dict[str, Any]:
        return self.best_trial.params
