"""DeepHyper's names: `from deephyper.hpo import CBO` becomes `from shoal.dialects.deephyper import CBO`.

All is translated to Shoal's own (docs/coming-from-deephyper.md has the table); what has no counterpart is refused.

>>> from shoal.dialects.deephyper import CBO, HpProblem
>>> problem = HpProblem()
>>> _ = problem.add_hyperparameter((-10.0, 10.0), "x")
>>> search = CBO(problem, acq_func="qUCB", random_state=1)
"""

from shoal.dialects.deephyper.evaluator import Evaluator, LoggerCallback, SearchEarlyStopping, TqdmCallback
from shoal.dialects.deephyper.hpo import AMBS, CBO, RandomSearch, RegularizedEvolution
from shoal.dialects.deephyper.job import RunningJob, profile
from shoal.dialects.deephyper.problem import HpProblem
from shoal.dialects.deephyper.stopper import (
    ConstantStopper,
    IdleStopper,
    LCModelStopper,
    MedianStopper,
    SuccessiveHalvingStopper,
)

Problem = BaseProblem = HpProblem  # what it was called at first

__all__ = [
    "AMBS", "CBO", "BaseProblem", "ConstantStopper", "Evaluator", "HpProblem", "IdleStopper", "LCModelStopper",
    "LoggerCallback", "MedianStopper", "Problem", "RandomSearch", "RegularizedEvolution", "RunningJob",
    "SearchEarlyStopping", "SuccessiveHalvingStopper", "TqdmCallback", "profile",
]  # fmt: skip
