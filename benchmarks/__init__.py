"""Timings, as ratios to other tools that are measured in the same run. Nothing here is part of the package."""
