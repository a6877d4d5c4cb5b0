"""Shoal: what asking and telling costs early and late in a study in memory. Usage: shoal_growth.py

Time of the processor in seconds a trial, over equally many trials around the 1,000th and the 100,000th, in turns.
"""

import json
from statistics import median
from time import process_time

import shoal

EARLY, LATE, SPAN, TURNS = 1_000, 100_000, 1_000, 15


def cost(study: shoal.Study, trials: int) -> float:
    """Seconds a trial takes, over the next trials."""
    began = process_time()
    for _ in range(trials):
        study.tell(study.ask(), 0.0)
    return (process_time() - began) / trials


def begin(trials: int) -> shoal.Study:
    """A study in memory that has had so many trials."""
    study = shoal.Study({f"x{place}": (0.0, 1.0) for place in range(10)}, search="random", seed=0)
    cost(study, trials)
    return study


long = begin(LATE - TURNS * SPAN // 2)
early, late = [], []
for _ in range(TURNS):
    early.append(cost(begin(EARLY - SPAN // 2), SPAN))
    late.append(cost(long, SPAN))
print(json.dumps({"early": median(early), "late": median(late)}))
