"""Constraints between params, ``units_2 <= units_1``: parsed into a small tree of our own, never eval'ed."""

from __future__ import annotations

import ast
import math
import operator
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from shoal.errors import SpaceError

Value = Callable[[Mapping[str, Any]], Any]

BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Div: operator.truediv,
    ast.Mult: lambda a, b: _number(a) * _number(b),
    ast.Mod: lambda a, b: _number(a) % _number(b),
    ast.FloorDiv: operator.floordiv, ast.Pow: math.pow,
}  # fmt: skip
COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne, ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
UNARY: dict[type, Callable[[Any], Any]] = {ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min, "max": max, "abs": abs, "log": math.log, "sqrt": math.sqrt, "len": len,
    "round": lambda a, digits=0: _round(a, digits),
}  # fmt: skip
LONGEST = 2_000
DEEPEST = 50


class Expression:
    """A true-or-false expression over params; where one of its params is inactive, it holds.

    Comparisons (chained too), ``and or not``, ``+ - * / // % **``, ``in [..]``, ``a if b else c``, and the functions
    min, max, abs, round, log, sqrt, len.

    >>> Expression("units_2 <= units_1 and lr * units_1 < 10").holds({"units_1": 8, "units_2": 4, "lr": 0.1})
    True
    """

    def __init__(self, text: str, names: Iterable[str] = ()) -> None:
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise SpaceError(f"where: needs an expression such as 'units_2 <= units_1', got {text!r:.200}")
        self.text = text.strip()
        self.names: frozenset[str] = frozenset()
        self._spelt = {unicodedata.normalize("NFKC", name): name for name in names}  # Python reads names so
        self._depth = 0
        try:
            self._value = self._build(ast.parse(self.text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise SpaceError(f"where: cannot read {self.text!r}; write it like 'units_2 <= units_1'") from None

    def __reduce__(self) -> tuple[type[Expression], tuple[str, tuple[str, ...]]]:
        return Expression, (self.text, tuple(self._spelt.values()))

    def holds(self, params: Mapping[str, Any]) -> bool:
        if not self.names <= params.keys():
            return True
        try:
            return bool(self._value(params))
        except (ArithmeticError, ValueError):  # 1 / 0 or log(-1): the params do not satisfy it
            return False
        except TypeError as error:
            raise SpaceError(f"where: {self.text!r} does not fit the params {dict(params)!r}: {error}") from None

    def _build(self, node: ast.expr) -> Value:
        self._depth += 1
        if self._depth > DEEPEST:
            raise SpaceError(f"where: {self.text!r:.200} is nested more than {DEEPEST} deep")
        try:
            return self._part(node)
        finally:
            self._depth -= 1

    def _part(self, node: ast.expr) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float, str, bool, type(None))):
            constant = node.value
            return lambda params: constant
        if isinstance(node, ast.Name):
            name = self._spelt.get(node.id, node.id)
            self.names |= {name}
            return operator.itemgetter(name)
        if isinstance(node, (ast.List, ast.Tuple)):
            items = [self._build(item) for item in node.elts]
            return lambda params: [item(params) for item in items]
        if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
            return _apply(BINARY[type(node.op)], self._build(node.left), self._build(node.right))
        if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
            return _apply(UNARY[type(node.op)], self._build(node.operand))
        if isinstance(node, ast.BoolOp):
            parts = [self._build(part) for part in node.values]
            decide = all if isinstance(node.op, ast.And) else any
            return lambda params: decide(part(params) for part in parts)
        if isinstance(node, ast.IfExp):
            test, then, other = self._build(node.test), self._build(node.body), self._build(node.orelse)
            return lambda params: then(params) if test(params) else other(params)
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.Call) and _known_function(node):
            return _apply(FUNCTIONS[ast.unparse(node.func)], *[self._build(argument) for argument in node.args])
        raise SpaceError(
            f"where: {ast.unparse(node)!r} may not stand in {self.text!r}; use params, numbers, text, comparisons, "
            f"and/or/not, arithmetic and {', '.join(FUNCTIONS)}"
        )

    def _comparison(self, node: ast.Compare) -> Value:
        values = [self._build(value) for value in (node.left, *node.comparators)]
        tests = [COMPARE[type(op)] for op in node.ops if type(op) in COMPARE]
        if len(tests) != len(node.ops):
            raise SpaceError(f"where: compare with < <= > >= == != in, not as in {self.text!r}")

        def holds(params: Mapping[str, Any]) -> bool:
            known = [value(params) for value in values]
            return all(test(a, b) for test, a, b in zip(tests, known, known[1:], strict=False))

        return holds


def _known_function(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS and not node.keywords


def _round(value: Any, digits: Any) -> Any:
    return round(_number(value), max(min(int(digits), 300), -300))


def _number(value: Any) -> Any:
    if not isinstance(value, (int, float)):  # "ab" * 10**9 would fill the memory
        raise TypeError(f"{value!r} is no number")
    return value


def _apply(function: Callable[..., Any], *arguments: Value) -> Value:
    return lambda params: function(*[argument(params) for argument in arguments])
