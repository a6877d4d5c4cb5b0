"""How what has no counterpart in Shoal is refused: by name, with the reason and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shoal.errors import StudyError


def refused(what: str, why: str) -> StudyError:
    """The error for something of Syne Tune that Shoal does not have."""
    return StudyError(f"{what} of Syne Tune has no counterpart in Shoal: {why}")


def absent(module: str, reasons: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__``: names that are not translated are refused when they are imported."""

    def missing(name: str) -> Any:
        if name in reasons:
            raise refused(name, reasons[name])
        raise AttributeError(f"module {module!r} has no attribute {name!r}")

    return missing


def only(what: str, value: Any, allowed: tuple[Any, ...], why: str) -> None:
    """Refuse an option that has another value than those that mean what Shoal does."""
    if not any(value is good or (type(value) is type(good) and value == good) for good in allowed):
        raise refused(f"{what}={value!r}", why)
