"""What users give to a study, as the plain data that its definition holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from shoal.contracts import Search, Stopping
from shoal.errors import StudyError, misfit
from shoal.islands import Islands
from shoal.records import Budget
from shoal.space import Space
from shoal.space.plain import foreign, own


def as_space(space: Any) -> Space:
    return space if isinstance(space, Space) else Space(space)


def stopping_name(stopping: str | Stopping) -> str:
    """A rule's name; one of the user's own is known by its class. Raises StudyError for what is no rule."""
    return _name("stopping", stopping, Stopping, "decide")


def budget_of(budget: Any) -> dict[str, Any] | None:
    """A budget as plain data; text is read as in "epoch:1:81". Raises StudyError for what is none."""
    if budget is None:
        return budget
    if isinstance(budget, dict):
        try:
            budget = msgspec.convert(budget, Budget)
        except msgspec.ValidationError as error:
            raise StudyError(
                f"budget {budget}: {misfit(error)}; write it as epoch:1:81, or with name, least and most"
            ) from None
    if isinstance(budget, str):
        name, *ends = budget.split(":")
        try:
            budget = Budget(name.strip(), *(float(end) for end in ends))
        except (TypeError, ValueError):
            raise StudyError(f"budget {budget!r}: write a name, the least and the most, as in 'epoch:1:81'") from None
    if not isinstance(budget, Budget):
        raise StudyError(f"budget must be a shoal.Budget, as in shoal.Budget('epoch', 1, 81), got {budget!r:.100}")
    return {key: own(value) for key, value in msgspec.structs.asdict(budget).items()}


def search_name(search: str | Search) -> str:
    """A search's name; one of the user's own is known by its class. Raises StudyError for what is no search."""
    return _name("search", search, Search, "ask and tell")


def _name(key: str, given: Any, protocol: type, methods: str) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, type):
        raise StudyError(f"{key} is the class {given.__name__}; pass an object of it: {key}={given.__name__}()")
    if not isinstance(given, protocol):
        raise StudyError(f"{key} must be a name or an object with {methods}, got {given!r:.100}")
    return f"{type(given).__module__}:{type(given).__qualname__}"


def plain(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `Study` and `tune` as the plain data that a definition holds; what is None is left out."""
    return {key: _PLAIN.get(key, own)(value) for key, value in asked.items() if value is not None}


def _mapping(settings: Any) -> dict[str, Any]:
    if not isinstance(settings, Mapping) or not all(isinstance(name, str) for name in settings):
        raise StudyError(f"settings are a dict of names and values, such as {{'eta': 4}}; got {settings!r:.100}")
    return {str(name): _setting(name, value) for name, value in settings.items()}


def _setting(name: str, value: Any) -> Any:
    try:
        return msgspec.to_builtins(value, enc_hook=foreign)
    except (TypeError, ValueError, RecursionError):
        raise StudyError(
            f"setting {name!r}: settings are numbers, text, true, false or none, and lists and dicts of these; "
            f"got {value!r:.100}"
        ) from None


def _points(points: Any) -> list[dict[str, Any]]:
    found = list(points) if isinstance(points, Iterable) and not isinstance(points, Mapping | str) else [points]
    if isinstance(points, Mapping) or not all(map(_is_point, found)):
        raise StudyError(f"start is a list of params, such as [{{'lr': 0.1}}]; got {points!r:.100}")
    return [{str(name): _plain_value(value) for name, value in dict(point).items()} for point in found]


def _is_point(point: Any) -> bool:
    """Whether something is a mapping with names, or, as a row of a table of pandas, like one."""
    like = isinstance(point, Mapping) or (hasattr(point, "keys") and not isinstance(point, type))
    return like and all(isinstance(name, str) for name in dict(point))


def _plain_value(value: Any) -> Any:
    try:
        return msgspec.to_builtins(value, enc_hook=foreign)
    except (TypeError, ValueError, RecursionError):
        return value  # its domain says what is wrong


_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "space": lambda space: as_space(space).to_json(), "search": search_name, "settings": _mapping, "budget": budget_of,
    "islands": lambda islands: msgspec.to_builtins(Islands.of(own(islands))),
    "stopping": stopping_name, "stopping_settings": _mapping, "start": _points,
    "directory": lambda path: str(Path(path).absolute()),
}  # fmt: skip
