"""Domains from text and from shorthands: what a YAML file, the command line and the journal hold. Nothing is
eval'ed."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any

from shoal.errors import SpaceError, unknown
from shoal.space import conditions
from shoal.space import constructors as words
from shoal.space.domain import Domain
from shoal.space.plain import own

DOMAINS: Mapping[str, Callable[..., Domain]] = {
    name: getattr(words, name)
    for name in [
        "uniform",
        "loguniform",
        "reverseloguniform",
        "quniform",
        "qloguniform",
        "qreverseloguniform",
        "randint",
        "lograndint",
        "qrandint",
        "qlograndint",
        "finrange",
        "logfinrange",
        "normal",
        "lognormal",
        "choice",
        "ordinal",
        "constant",
    ]
}
TESTS = {"at_least": conditions.at_least, "at_most": conditions.at_most, "one_of": conditions.one_of}
LONGEST = 1_000_000


def as_domain(value: Any) -> Domain:
    """A domain as given, or what a shorthand stands for.

    ``(1e-4, 1e-1)`` is a float and ``(2, 10)`` an int with both ends included, in either order; a list, an array or a
    tuple of text is a choice; anything else is a constant.
    """
    if isinstance(value, Domain):
        return value
    value = tuple(own(item) for item in value) if type(value) is tuple else own(value)
    if isinstance(value, list):
        return words.choice(value)
    if isinstance(value, tuple):
        numbers = [item for item in value if isinstance(item, (int, float)) and not isinstance(item, bool)]
        if len(numbers) == len(value) == 2:
            whole = all(isinstance(item, int) for item in value)
            return words.randint(*value) if whole else words.uniform(*value)
        if len(numbers) == len(value) and value:
            raise SpaceError(f"{value!r}: a range is a tuple of two numbers; for a choice of numbers write a list")
        return words.choice(value)
    return words.constant(value)


def from_yaml(value: Any) -> Domain:
    """As `as_domain`, for files: text that spells a domain (``loguniform(1e-6, 1)``) or a tuple (``(2, 10)``) is
    one."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith(("(", "[")):
            return as_domain(_literal(_tree(text), text))
        if spells_domain(text):
            return parse(text)
    if isinstance(value, Mapping):
        for key in value:
            if isinstance(key, str) and key.split("(")[0] in DOMAINS and "(" in key:
                raise SpaceError(f"{_short(key)}: YAML takes a colon and a blank for a dict; put the domain in quotes")
    return as_domain(value)


def spells_domain(text: str) -> bool:
    """Whether a text is to be a domain: also one that is spelt wrongly, such as "uniform(0, 1", which says so."""
    head = re.split(r"[(\[]", text := text.strip())[0].strip()
    return head != text and (head in DOMAINS or (head.isidentifier() and text.endswith(")")))


def parse(text: str) -> Domain:
    """The domain that a text spells, as a domain prints itself.

    >>> parse("uniform(0, 0.99).when(optimizer='sgd')")
    uniform(0.0, 0.99).when(optimizer='sgd')
    """
    return _domain(_tree(text), text)


def _tree(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise SpaceError(f"the text of a domain may have at most {LONGEST:,} characters, got {len(text):,}")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        cut = "; in YAML's braces, quote what has commas" if text.count("(") > text.count(")") else ""
        raise SpaceError(
            f"{_short(text)} cannot be read; write it like loguniform(1e-6, 1) or choice(['a', 'b']){cut}"
        ) from None


def _domain(node: ast.expr, text: str) -> Domain:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "when":
        if node.args:
            raise SpaceError(f"{_short(text)}: when takes names, as in .when(optimizer='sgd')")
        return _domain(node.func.value, text).when(**_keywords(node, text))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id not in DOMAINS:
            raise SpaceError(unknown("domain", node.func.id, DOMAINS))
        arguments, keywords = [_literal(argument, text) for argument in node.args], _keywords(node, text)
        if any(name.startswith("_") for name in keywords):
            raise SpaceError(f"{_short(text)}: {', '.join(keywords)}: no such argument")
        domain: Domain = _called(DOMAINS[node.func.id], arguments, keywords, text)
        return domain
    return as_domain(_literal(node, text))


def _keywords(node: ast.Call, text: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for keyword in node.keywords:
        names = [_literal(name, text) if name else None for name in getattr(keyword.value, "keys", [])]
        if keyword.arg is not None:
            given[keyword.arg] = _literal(keyword.value, text)
        elif isinstance(keyword.value, ast.Dict) and all(isinstance(name, str) for name in names):
            given.update(zip(map(str, names), [_literal(value, text) for value in keyword.value.values], strict=True))
        else:
            raise SpaceError(f"{_short(text)}: {keyword.arg!r} is no argument here")
    return given


def _literal(node: ast.expr, text: str) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TESTS:
        return _called(TESTS[node.func.id], [_literal(argument, text) for argument in node.args], {}, text)
    if isinstance(node, ast.Name) and node.id in ("true", "false", "null"):  # JSON's and YAML's words are welcome
        return {"true": True, "false": False, "null": None}[node.id]
    if isinstance(node, (ast.List, ast.Tuple)):
        items = [_literal(item, text) for item in node.elts]
        return items if isinstance(node, ast.List) else tuple(items)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise SpaceError(f"{_short(text)}: only plain values may stand here, such as 0.1, 'adam' or [1, 2]") from None


def _called(function: Callable[..., Any], arguments: list[Any], keywords: dict[str, Any], text: str) -> Any:
    try:
        return function(*arguments, **keywords)
    except (TypeError, ValueError, OverflowError) as error:
        raise SpaceError(f"{_short(text)}: {error}") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else text[:200] + "…")
