"""What the params of trials that failed say of other params, one param at a time: a choice that always failed fails
elsewhere too, where a density over all params at once knows nothing as yet."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.space.cube import Cube
from shoal.space.domain import Array

WIDTH: Final = 0.1  # of a kernel over a number, in edges of the cube


def log_success(places: Array, points: Array, failed: NDArray[np.bool_], cube: Cube) -> Array:
    """The log of the chance [m] that a trial at a place [m, d] does not fail, by the param that tells the least of it.

    Of each param it is the share of trials [n, d] with about its value that did not fail; all trials together count as
    one more.
    """
    well = np.where(failed, 0.0, 1.0)
    least = np.ones(len(places))
    for column, categorical in enumerate(cube.categorical):
        gaps = places[:, column, None] - points[:, column]
        near = (gaps == 0) * 1.0 if categorical else np.exp(-0.5 * (gaps / WIDTH) ** 2)
        near = np.where(np.isnan(gaps), 0.0, near) + (np.isnan(places[:, column, None]) & np.isnan(points[:, column]))
        least = np.minimum(least, (near @ well + well.mean()) / (near.sum(1) + 1.0))
    return np.asarray(np.log(least))
