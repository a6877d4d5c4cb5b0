"""Propulate's helpers: its default propagator, and its logs."""

from __future__ import annotations

import logging
import random
import sys
from pathlib import Path
from typing import Any

from shoal.dialects.propulate.checks import at_least, chance_of, whole
from shoal.dialects.propulate.limits import Limits, space_of
from shoal.dialects.propulate.propagators import Conditional, InitUniform, Operator, Propagator
from shoal.dialects.propulate.utils import benchmark_functions
from shoal.dialects.propulate.world import ranks
from shoal.search.genetic import Genetic

__all__ = ["benchmark_functions", "get_default_propagator", "set_logger_config"]

OLDER = {"mate_prob": "crossover_prob", "mut_prob": "mutation_prob", "random_prob": "random_init_prob"}


def get_default_propagator(
    pop_size: int, limits: Limits, crossover_prob: float = 0.7, mutation_prob: float = 0.4,
    random_init_prob: float = 0.1, sigma_factor: float = 0.05, rng: random.Random | None = None, **older: float,
) -> Propagator:  # fmt: skip
    """The genetic algorithm that Propulate has by default, as Shoal's ``genetic`` has it; ``mate_prob``, ``mut_prob``
    and ``random_prob`` are older names of its probabilities."""
    chances = {"crossover_prob": crossover_prob, "mutation_prob": mutation_prob, "random_init_prob": random_init_prob}
    for name, chance in older.items():
        if name not in OLDER:
            raise TypeError(f"get_default_propagator() got an unexpected keyword argument {name!r}")
        chances[OLDER[name]] = chance
    chances = {name: chance_of(name, chance) for name, chance in chances.items()}
    sigma = at_least("sigma_factor", sigma_factor, 0.0)
    space_of(limits)  # which refuses what it cannot read
    genetic = Genetic(
        pop_size=whole("pop_size", pop_size, 2), crossover=chances["crossover_prob"], mutation=chances["mutation_prob"],
        random=chances["random_init_prob"], sigma=2.0 * sigma,
    )  # fmt: skip
    return Conditional(pop_size, Operator(genetic.breeding(), limits, rng), InitUniform(limits, rng=rng))


def set_logger_config(
    level: int = logging.INFO, log_file: str | Path | None = None, log_to_stdout: bool = True, log_rank: bool = False,
    colors: bool = True,
) -> None:  # fmt: skip
    """Have the log "propulate" written to standard output, to a file, or to both."""
    log = logging.getLogger("propulate")
    rank = f"{ranks()[0]}:" if log_rank else ""
    plain = logging.Formatter(f"{rank}[%(asctime)s][%(name)s][%(levelname)s] - %(message)s")
    handlers: list[logging.Handler] = []
    if log_to_stdout:
        handlers.append(_console(rank) if colors and sys.stdout.isatty() else logging.StreamHandler(sys.stdout))
    if log_file is not None:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(log_file))
    for handler in list(log.handlers):  # calling it twice must not write each line twice
        log.removeHandler(handler)
        handler.close()
    for handler in handlers:
        if handler.formatter is None:
            handler.setFormatter(plain)
        log.addHandler(handler)
    log.setLevel(level)


def _console(rank: str) -> logging.Handler:
    from rich.console import Console
    from rich.logging import RichHandler

    handler: Any = RichHandler(console=Console(file=sys.stdout), show_path=False)
    handler.setFormatter(logging.Formatter(f"{rank}%(message)s"))
    return handler  # type: ignore[no-any-return]
