"""The functions that Propulate's scripts are tried on, by its names."""

from __future__ import annotations

import argparse
import logging
import string
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from shoal.dialects.propulate.world import ranks
from shoal.errors import SpaceError, unknown
from shoal.problems import problem
from shoal.problems.classic import CLASSIC
from shoal.problems.classic import quartic as exact_quartic

Function = Callable[[Mapping[str, float]], float]


def _function(name: str) -> Function:
    """The function of any number of params, which are taken in their order."""
    fixed = name in ("bukin", "eggcrate", "himmelblau", "keane", "leon")
    known = cache(lambda dimensions: problem(name, None if fixed else dimensions).function)

    def function(params: Mapping[str, float]) -> float:
        x = np.array(list(params.values()), dtype=float)
        return float(known(len(x))(x))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = CLASSIC[name].__doc__
    return function


def quartic(params: Mapping[str, float]) -> float:
    """|Σ (i x_i⁴ + N(0, 1))|: noisy."""
    x = np.array(list(params.values()), dtype=float)
    return exact_quartic(len(x), noise=np.random.default_rng()).function(x)


rosenbrock, step, rastrigin, griewank = (_function(name) for name in ("rosenbrock", "step", "rastrigin", "griewank"))
schwefel, bisphere, birastrigin = (_function(name) for name in ("schwefel", "bisphere", "birastrigin"))
bukin_n6, egg_crate, himmelblau = (_function(name) for name in ("bukin", "eggcrate", "himmelblau"))
keane, leon, sphere = (_function(name) for name in ("keane", "leon", "sphere"))

_FUNCTIONS: dict[str, Function] = {
    "bukin": bukin_n6, "eggcrate": egg_crate, "himmelblau": himmelblau, "keane": keane, "leon": leon,
    "rastrigin": rastrigin, "schwefel": schwefel, "sphere": sphere, "step": step, "rosenbrock": rosenbrock,
    "quartic": quartic, "bisphere": bisphere, "birastrigin": birastrigin, "griewank": griewank,
}  # fmt: skip


def get_function_search_space(fname: str) -> tuple[Function, dict[str, tuple[float, float]]]:
    """The function of that name and its limits, with params a, b, c … Raises SpaceError for a name there is not."""
    if fname not in _FUNCTIONS:
        raise SpaceError(unknown("function", fname, _FUNCTIONS))
    letters = [*string.ascii_lowercase, *(f"{letter}1" for letter in string.ascii_uppercase)]
    domains: Any = problem(fname).space.domains.values()
    return _FUNCTIONS[fname], {
        letter: (float(domain.low), float(domain.high)) for letter, domain in zip(letters, domains, strict=False)
    }


def parse_arguments(propulate_comm: Any = None) -> tuple[argparse.Namespace, dict[str, bool]]:
    """The arguments of Propulate's example scripts, and which settings of particle swarms were given."""
    size = ranks()[1] if propulate_comm is None else propulate_comm.size
    parser = argparse.ArgumentParser(description="Optimise a mathematical function.")
    parser.add_argument("--function", choices=list(_FUNCTIONS), default="sphere")
    for name, default in (
        ("generations", 1000), ("seed", 0), ("verbosity", 1), ("pop_size", 2 * size), ("top_n", 1),
        ("logging_interval", 10), ("logging_level", logging.INFO), ("num_islands", 2), ("num_migrants", 1),
        ("ranks_per_worker", 2),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, share in (
        ("crossover_probability", 0.7), ("mutation_probability", 0.4), ("random_init_probability", 0.1),
        ("migration_probability", 0.9), ("inertia", 0.729), ("cognitive", 1.49445), ("social", 1.49445),
        ("clamping_factor", 0.6),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=float, default=share)
    parser.add_argument("--checkpoint", default="./")
    parser.add_argument("--pollination", action="store_true")
    parser.add_argument(
        "--variant", choices=["Basic", "VelocityClamping", "Constriction", "Canonical"], default="Basic"
    )
    parser.add_argument("--adapter", default="basic")
    found = parser.parse_args()
    return found, {
        name: getattr(found, name) != parser.get_default(name) for name in ("inertia", "cognitive", "social")
    }
