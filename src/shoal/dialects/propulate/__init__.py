"""Propulate's names: code written for it runs with ``shoal.dialects.propulate`` for ``propulate`` in its imports.

The names are those of its version 1.2.2, and the older ones of its tutorials. What each becomes, and what differs:
docs/coming-from-propulate.md.
"""

from shoal.dialects.propulate import propagators, surrogate, utils
from shoal.dialects.propulate.islands import Islands
from shoal.dialects.propulate.migrator import Migrator
from shoal.dialects.propulate.pollinator import Pollinator
from shoal.dialects.propulate.population import Individual
from shoal.dialects.propulate.propulator import Propulator
from shoal.dialects.propulate.surrogate import Surrogate
from shoal.dialects.propulate.utils import get_default_propagator, set_logger_config

__all__ = [
    "Individual", "Islands", "Migrator", "Pollinator", "Propulator", "Surrogate", "get_default_propagator",
    "propagators", "set_logger_config", "surrogate", "utils",
]  # fmt: skip
