"""What an objective forks is no peer."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def children_end() -> Iterator[None]:
    """A process that is forked within ends where the block does, as it would at the end of any program, and never
    writes what only its parent may."""
    own = os.getpid()
    try:
        yield
    except BaseException as error:
        if os.getpid() != own:
            _leave(error)
        raise
    if os.getpid() != own:
        _leave(None)


def _leave(error: BaseException | None) -> None:
    """End this process at once with the status that Python would give it."""
    status = 0 if error is None else 1
    with suppress(OSError, ValueError):
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
            if isinstance(error.code, str):
                print(error.code, file=sys.stderr)
        elif error is not None and not isinstance(error, GeneratorExit):
            traceback.print_exception(error)
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status & 0xFF)
