"""One thread for linear algebra: on matrices this small more threads only wait for each other, and for other peers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np  # noqa: F401 - its BLAS must be there to be found
import scipy.linalg  # noqa: F401 - it has one of its own
from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, BLAS calls use one thread; afterwards as many as before."""
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
