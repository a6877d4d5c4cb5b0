"""Schedulers for several metrics: each looks for the Pareto front, the trials that no other beats in all of them.

The study's own metric, of ``shoal top`` and ``best_config()``, is the first; ``shoal report --pareto`` shows the front.
"""

from __future__ import annotations

from shoal.dialects.syne_tune.optimizer.scheduler import Plan, Scheduler
from shoal.dialects.syne_tune.refusals import absent

WEIGHED = "report the weighted sum of the metrics, and tune that by BayesianOptimization"
SEARCHER = "use MOREA, or EHVI: a scheduler has a search of its own here"

__getattr__ = absent(
    __name__,
    {
        **dict.fromkeys(("LinearScalarizedScheduler", "LegacyLinearScalarizedScheduler"), WEIGHED),
        "MOLinearScalarizationBayesOpt": WEIGHED,
        **dict.fromkeys(
            ("MultiObjectiveRegularizedEvolution", "LegacyMultiObjectiveRegularizedEvolution", "NSGA2Searcher",
             "MultiObjectiveMultiSurrogateSearcher", "ExpectedHyperVolumeImprovement"), SEARCHER,
        ),
    },
)  # fmt: skip


class MOASHA(Scheduler):
    """``random`` with ``asha-pareto``: at each rung the best go on by non-dominated sorting."""

    plan = Plan("random", rule="asha-pareto", most=100, several=True)


LegacyMOASHA = MOASHA


class EHVI(Scheduler):
    """``pareto``, a tree-structured Parzen estimator in the place of expected hypervolume improvement."""

    plan = Plan("pareto", several=True)


class MORandomScalarizationBayesOpt(Scheduler):
    """``pareto``, a tree-structured Parzen estimator in the place of Gaussian processes with random weights."""

    plan = Plan("pareto", several=True)


class NSGA2(Scheduler):
    """``pareto``, a tree-structured Parzen estimator that ranks trials as NSGA-II does, in the place of generations."""

    plan = Plan("pareto", several=True)


class MOREA(Scheduler):
    """``pareto``, a tree-structured Parzen estimator in the place of regularised evolution."""

    plan = Plan("pareto", several=True)
