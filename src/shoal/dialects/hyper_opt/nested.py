"""Keys such as ``optimizer:learning_rate`` or ``model:hidden_dims:0``, which lead into a model configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def leads(config: Any, key: str) -> bool:
    """Whether a key leads to a place that is there."""
    return _place(config, key) is not None


def put(config: Any, key: str, value: Any) -> bool:
    """Put a value where a key leads; False where that is nowhere."""
    place = _place(config, key)
    if place is None:
        return False
    inside, last = place
    inside[last] = value
    return True


def nowhere(config: Any, keys: Iterable[str]) -> list[str]:
    """The keys that lead nowhere."""
    return [key for key in keys if not leads(config, key)]


def _place(config: Any, key: str) -> tuple[Any, Any] | None:
    """What holds the value, and under which key or index; a name that has colons itself is found as it is."""
    if isinstance(config, dict) and key in config:
        return config, key
    inside, parts = config, key.split(":")
    for depth, part in enumerate(parts):
        known = _known(inside, part)
        if known is None:
            return None
        if depth == len(parts) - 1:
            return inside, known[0]
        inside = inside[known[0]]
    return None


def _known(inside: Any, part: str) -> tuple[Any] | None:
    number = int(part) if part.removeprefix("-").isdecimal() else None
    if isinstance(inside, dict):
        return (part,) if part in inside else (number,) if number is not None and number in inside else None
    if isinstance(inside, list) and number is not None and -len(inside) <= number < len(inside):
        return (number,)
    return None
