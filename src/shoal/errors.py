"""What Shoal raises for a user's mistake: each message says what is wrong, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches


class ShoalError(Exception):
    """The base of everything that Shoal raises on purpose."""


class SpaceError(ShoalError):
    """A space, a domain or params that make no sense."""


class StoreError(ShoalError):
    """A store that cannot be opened, read or written."""


class StudyError(ShoalError):
    """A study that cannot be created, joined, or gone on with as asked."""


class ObjectiveError(ShoalError):
    """An objective that cannot be loaded, or an answer of it that is not a result; the latter fails its trial."""

    def __init__(self, reason: str, trace: str = "") -> None:
        super().__init__(reason)
        self.trace = trace  # what the user's own code said, such as the end of a script's standard error


class Exhausted(ShoalError):
    """Every point of the space has been tried; the study ends and says so."""


def in_words(error: BaseException) -> str:
    """What was raised, and what it says, also where that fails.

    >>> in_words(ValueError("too small"))
    'ValueError: too small'
    """
    with suppress(Exception):  # the text is made by the user's code
        return f"{type(error).__name__}: {error}"
    return f"{type(error).__name__}, which fails to say more"


def misfit(error: Exception, whole: str = "it") -> str:
    """What msgspec says of data that do not fit, with their place first, or a name of the ``whole``.

    >>> misfit(ValueError("Expected `int | null`, got `str` - at `$.trials`"))
    'trials: expected int or none, got str'
    """
    wrong, _, place = str(error).replace("`", "").replace(" | null", " or none").partition(" - at $")
    return f"{place.strip('.') or whole}: {wrong[:1].lower()}{wrong[1:]}"


def unknown(kind: str, word: object, valid: Iterable[str]) -> str:
    """The message for a misspelt word: the likely one first, then all that are valid.

    >>> unknown("search", "genetik", ["genetic", "random"])
    "unknown search 'genetik'; did you mean 'genetic'? Valid are: genetic, random"
    """
    names = sorted(valid)
    close = get_close_matches(str(word), names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else "."
    return f"unknown {kind} {word!r}{hint} Valid are: {', '.join(names)}"
