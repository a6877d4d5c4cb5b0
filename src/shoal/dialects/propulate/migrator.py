"""Islands by hand, that exchange migrants by moving them."""

from shoal.dialects.propulate.propulator import Propulator


class Migrator(Propulator):
    """Islands, given by ``island_counts``, that migrants leave."""

    _policy = "migrate"
