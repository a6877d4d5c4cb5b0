"""DeepHyper's stoppers: each is a budget, and a rule of Shoal's on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from shoal.errors import ShoalError
from shoal.records import Budget


class Stopper:
    """What all have in common: a run-function records its steps and asks `stopped`; after ``last`` it is to end."""

    def plan(self) -> dict[str, Any]:
        """The arguments for `shoal.tune`."""
        raise NotImplementedError

    @property
    def last(self) -> float | None:
        return None


@dataclass(frozen=True)
class IdleStopper(Stopper):
    """Lets every evaluation have ``max_steps``."""

    max_steps: float

    @property
    def last(self) -> float:
        return self.max_steps

    def plan(self) -> dict[str, Any]:
        return {"budget": Budget("step", 1, self.max_steps), "stopping": "none"}


@dataclass(frozen=True)
class ConstantStopper(Stopper):
    """Lets every evaluation have ``stop_step``, of the ``max_steps`` that it could have."""

    max_steps: float
    stop_step: float

    @property
    def last(self) -> float:
        return self.stop_step

    def plan(self) -> dict[str, Any]:
        return {"budget": Budget("step", 1, self.stop_step), "stopping": "none"}


@dataclass(frozen=True)
class SuccessiveHalvingStopper(Stopper):
    """Asynchronous successive halving: `asha`. What delays its rungs in DeepHyper has no counterpart."""

    max_steps: float
    min_steps: float = 1
    reduction_factor: float = 3
    min_early_stopping_rate: float = 0
    min_competing: int = 0
    min_fully_completed: int = 0
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        _only(self, min_competing=0, min_fully_completed=0, epsilon=1e-10)

    @property
    def last(self) -> float:
        return self.max_steps

    def plan(self) -> dict[str, Any]:
        first = self.min_steps * self.reduction_factor**self.min_early_stopping_rate
        settings = {"eta": float(self.reduction_factor), "grace": float(first)}
        budget = Budget("step", self.min_steps, self.max_steps)
        return {"budget": budget, "stopping": "asha", "stopping_settings": settings}


@dataclass(frozen=True)
class MedianStopper(Stopper):
    """Stops what is worse than the median of those that got as far: `median`."""

    max_steps: float
    min_steps: float = 1
    min_competing: int = 10
    interval_steps: float = 1
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        _only(self, epsilon=1e-10)

    @property
    def last(self) -> float:
        return self.max_steps

    def plan(self) -> dict[str, Any]:
        settings = {"competitors": self.min_competing, "warmup": float(self.min_steps),
                    "interval": float(self.interval_steps)}  # fmt: skip
        budget = Budget("step", self.min_steps, self.max_steps)
        return {"budget": budget, "stopping": "median", "stopping_settings": settings}


@dataclass(frozen=True)
class LCModelStopper(Stopper):
    """Stops what is unlikely to beat the best once its learning curve is drawn on: `extrapolate`."""

    max_steps: float
    min_steps: float = 1
    min_obs_to_fit_lc_model: int = 4
    lc_model: str | None = None
    early_stopping_patience: int | None = None

    def __post_init__(self) -> None:
        _only(self, lc_model=None, early_stopping_patience=None)

    @property
    def last(self) -> float:
        return self.max_steps

    def plan(self) -> dict[str, Any]:
        budget = Budget("step", self.min_steps, self.max_steps)
        return {"budget": budget, "stopping": "extrapolate",
                "stopping_settings": {"reports": self.min_obs_to_fit_lc_model}}  # fmt: skip


def _only(stopper: Any, **allowed: Any) -> None:
    for name, value in allowed.items():
        if getattr(stopper, name) != value:
            raise ShoalError(
                f"{type(stopper).__name__}: {name}={getattr(stopper, name)!r} has no counterpart in Shoal; leave it "
                f"out, or choose a rule of Shoal's with shoal.tune(stopping=…)"
            )
