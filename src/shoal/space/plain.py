"""Values of other libraries as Python's own, taken at the border: what a study keeps is plain JSON."""

from __future__ import annotations

from typing import Any


def own(value: Any) -> Any:
    """A scalar of numpy or of pandas, or a tensor, as a number, text, true or false; an array as a list; all else as it
    is.

    >>> import numpy as np
    >>> own(np.float32(0.5)), own(np.arange(3)), own("adam")
    (0.5, [0, 1, 2], 'adam')
    """
    return value.tolist() if hasattr(value, "tolist") and not isinstance(value, type) else value


def foreign(value: Any) -> Any:
    """The same for an encoder, which asks about what it does not know. Raises TypeError for what is not plain."""
    taken = own(value)
    if type(taken) is type(value):
        raise TypeError(f"{type(value).__name__} is no plain value")
    return taken
