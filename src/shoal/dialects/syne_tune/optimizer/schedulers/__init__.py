"""Schedulers that are given a searcher, and those that wrap or train populations."""

from __future__ import annotations

from typing import Any

from shoal.dialects.syne_tune.optimizer.options import Options
from shoal.dialects.syne_tune.optimizer.scheduler import Plan, Scheduler
from shoal.dialects.syne_tune.refusals import absent, only, refused
from shoal.errors import StudyError

__getattr__ = absent(
    __name__,
    {"RayTuneScheduler": "write the search as an object of Shoal's (docs/extending.md), or use one of its own"},
)


class FIFOScheduler(Scheduler):
    """The search that ``searcher`` names; trials run to their end."""

    plan = Plan(None)


SingleObjectiveScheduler = LegacyFIFOScheduler = FIFOScheduler


class HyperbandScheduler(Scheduler):
    """The search that ``searcher`` names, with the rule that ``type`` names."""

    plan = Plan(None, rule="asha", kinds=True)


LegacyHyperbandScheduler = HyperbandScheduler


class AsynchronousSuccessiveHalving(Scheduler):
    """The search that ``searcher`` names, with ``asha``."""

    plan = Plan(None, rule="asha", most=100)


class PopulationBasedTraining(Scheduler):
    """``random`` with ``pbt``."""

    plan = Plan(
        rule="pbt",
        most=100,
        rule_settings={"population": 4, "interval": 60.0},
        rule_options={
            "population_size": "population", "perturbation_interval": "interval", "quantile_fraction": "quantile",
            "resample_probability": "resample",
        },
    )  # fmt: skip


LegacyPopulationBasedTraining = PopulationBasedTraining


class MedianStoppingRule(Scheduler):
    """The search of another scheduler, with ``percentile``: it compares trials by their best so far, not by their mean
    so far."""

    def __init__(self, scheduler: Scheduler, time_attr: str | None = None, **options: Any) -> None:
        given = Options(type(self).__name__, options)
        if not isinstance(scheduler, Scheduler) or scheduler.stopping is not None:
            raise StudyError(
                f"MedianStoppingRule needs a scheduler that stops no trials, such as RandomSearch; got {scheduler}"
            )
        counted = time_attr or given.take("resource_attr")
        if counted not in ("epoch", "step"):
            raise refused(
                f"MedianStoppingRule(time_attr={counted!r})", "the script has to report epoch=, and that is time_attr"
            )
        only("running_average", given.take("running_average", True), (True,), "leave it out")
        metric, least = given.take("metric", scheduler.metric), given.take("do_minimize")
        if metric != scheduler.metric or least not in (None, scheduler.goal == "minimize"):
            raise StudyError("MedianStoppingRule: metric and goal are those of the scheduler it wraps; leave them out")
        seed = given.take("random_seed")
        vars(self).update(vars(scheduler))
        self.seed = scheduler.seed if seed is None else seed
        self.stopping = "percentile"
        self.stopping_settings = {
            "percentile": 100.0 * given.take("rank_cutoff", 0.5), "competitors": given.take("grace_population", 5),
            "warmup": float(given.take("grace_time", 1)),
        }  # fmt: skip
        given.finish()


LegacyMedianStoppingRule = MedianStoppingRule
