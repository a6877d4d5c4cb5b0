"""What several population methods do to points of the unit cube."""

from __future__ import annotations


def reflect(unit: float) -> float:
    """Back into [0, 1], mirrored at its ends."""
    unit = abs(unit) % 2.0
    return 2.0 - unit if unit > 1.0 else unit
