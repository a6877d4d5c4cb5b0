"""Domains, spaces, and their encodings."""

from shoal.space.change import adapt, check_change
from shoal.space.space import Params, Space

__all__ = ["Params", "Space", "adapt", "check_change"]
