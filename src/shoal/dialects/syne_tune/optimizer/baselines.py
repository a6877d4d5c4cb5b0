"""Syne Tune's algorithms by name. ``print(scheduler)`` says what each has become."""

from __future__ import annotations

from shoal.dialects.syne_tune.optimizer.scheduler import Plan, Scheduler
from shoal.dialects.syne_tune.optimizer.schedulers import multiobjective
from shoal.dialects.syne_tune.refusals import absent

_KDE = {"num_min_data_points": "design", "num_candidates": "candidates"}
_REA = {"population_size": "population", "sample_size": "sample"}
_TRANSFER = ("ZeroShotTransfer", "ASHACTS", "RUSHScheduler", "BoundingBox")

__getattr__ = absent(
    __name__,
    {
        **dict.fromkeys(("MOLinearScalarizationBayesOpt", "LinearScalarizedScheduler"), multiobjective.WEIGHED),
        **dict.fromkeys(_TRANSFER, "what is known from other tasks goes into points_to_evaluate"),
        "ConstrainedBayesianOptimization": "raise in the script where a constraint does not hold: searches keep away",
    },
)


class RandomSearch(Scheduler):
    """``random``."""

    plan = Plan(several=True)


class GridSearch(Scheduler):
    """``grid``; continuous domains need a step there."""

    plan = Plan("grid")


class BayesianOptimization(Scheduler):
    """``gp``."""

    plan = Plan("gp")


class BoTorch(Scheduler):
    """``gp``."""

    plan = Plan("gp")


BOTorch = BoTorch


class BORE(Scheduler):
    """``forest``, which models the losses, where BORE classifies good and bad."""

    plan = Plan("forest", {"acquisition": "EI"})


class CQR(Scheduler):
    """``forest`` with randomly drawn bounds, in the place of draws from conformal quantiles."""

    plan = Plan("forest", {"acquisition": "qLCB"})


class KDE(Scheduler):
    """``tpe``."""

    plan = Plan("tpe", options=_KDE)


class TPE(Scheduler):
    """``tpe``."""

    plan = Plan("tpe", options=_KDE)


class REA(Scheduler):
    """``evolution``."""

    plan = Plan("evolution", options=_REA)


class ASHA(Scheduler):
    """``random`` with ``asha``; with ``type="promotion"`` ``asha-promote``."""

    plan = Plan("random", rule="asha", kinds=True)


class ASHABORE(Scheduler):
    """``forest`` with ``asha``."""

    plan = Plan("forest", {"acquisition": "EI"}, rule="asha", kinds=True)


class ASHACQR(Scheduler):
    """``forest`` with ``asha``."""

    plan = Plan("forest", {"acquisition": "qLCB"}, rule="asha", kinds=True)


class BOHB(Scheduler):
    """``tpe`` with ``asha``, since Syne Tune's BOHB is asynchronous; `SyncBOHB` is the one of the paper."""

    plan = Plan("tpe", options=_KDE, rule="asha", kinds=True)


class MOBSTER(Scheduler):
    """``gp``, which models params and budget together, with ``asha``."""

    plan = Plan("gp", rule="asha", kinds=True)


class HyperTune(Scheduler):
    """``gp`` with ``asha``; trials are dealt to brackets in fixed shares, not by a model."""

    plan = Plan("gp", rule="asha", kinds=True)


class DyHPO(Scheduler):
    """``gp`` with ``freeze``, which promotes in turn by a model of the curves and by rank."""

    plan = Plan("gp", rule="freeze")


class PASHA(Scheduler):
    """``random`` with ``pasha``."""

    plan = Plan("random", rule="pasha")


class SyncHyperband(Scheduler):
    """``random`` with ``hyperband``."""

    plan = Plan("random", rule="hyperband")


class SyncBOHB(Scheduler):
    """``tpe`` with ``hyperband``."""

    plan = Plan("tpe", options=_KDE, rule="hyperband")


class SyncMOBSTER(Scheduler):
    """``gp`` with ``hyperband``."""

    plan = Plan("gp", rule="hyperband")


class DEHB(Scheduler):
    """``de`` with ``hyperband``."""

    plan = Plan("de", rule="hyperband")


MOASHA, EHVI, NSGA2 = multiobjective.MOASHA, multiobjective.EHVI, multiobjective.NSGA2
MOREA, MORandomScalarizationBayesOpt = multiobjective.MOREA, multiobjective.MORandomScalarizationBayesOpt
