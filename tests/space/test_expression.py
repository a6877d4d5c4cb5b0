"""Constraints: what may be written, what it means, and that nothing else gets through."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shoal import Space, SpaceError
from shoal.space.expression import Expression


@pytest.mark.parametrize(
    ("text", "params", "holds"),
    [
        ("a <= b", {"a": 1, "b": 2}, True), ("a <= b", {"a": 3, "b": 2}, False), ("1 < a < b", {"a": 2, "b": 2}, False),
        ("1 < a <= b", {"a": 2, "b": 2}, True), ("a + b * 2 == 7", {"a": 1, "b": 3}, True),
        ("a ** 2 < 5", {"a": 2}, True),
        ("a / b < 1", {"a": 1, "b": 0}, False), ("log(a) > 0", {"a": -1}, False), ("a % 2 == 0", {"a": 4}, True),
        ("a // 2 == 1", {"a": 3}, True), ("not a", {"a": False}, True), ("-a < 0", {"a": 1}, True),
        ("a in ['x', 'y']", {"a": "x"}, True), ("a not in ('x', 'y')", {"a": "x"}, False),
        ("a != None", {"a": None}, False),
        ("a == 'sgd' or b < 1", {"a": "adam", "b": 2}, False), ("a if b else not a", {"a": True, "b": False}, False),
        ("min(a, b) + max(a, b) == a + b", {"a": 5, "b": 3}, True), ("abs(a) == round(b)", {"a": -2, "b": 2.2}, True),
        ("sqrt(a) <= 3 and len(b) == 3", {"a": 9, "b": "abc"}, True), ("len(a) == 2", {"a": [8, 8]}, True),
        ("naïve < 1", {"naïve": 0}, True), ("a == 'é'", {"a": "é"}, True), ("True", {}, True),
        ("a ** a ** a > 0", {"a": 99}, False),
    ],
)  # fmt: skip
def test_a_constraint_means_what_it_says(text: str, params: dict[str, Any], holds: bool) -> None:
    assert Expression(text).holds(params) is holds


def test_a_constraint_names_a_param_as_the_space_does_whatever_its_letters() -> None:
    """Python reads the micro sign as the Greek letter; the space must not take it for another name."""
    space = Space({"µ": (0.0, 1.0), "ﬁt": (0.0, 1.0)}, where="µ < 0.5 and ﬁt < 0.5")
    assert not space.allows({"µ": 0.25, "ﬁt": 0.75})
    assert space.allows({"µ": 0.25, "ﬁt": 0.25})


def test_a_constraint_on_an_inactive_param_holds() -> None:
    assert Expression("units_2 <= units_1").holds({"units_1": 8})
    assert Expression("units_2 <= units_1").names == {"units_1", "units_2"}


HOSTILE = [
    "__import__('os').system('touch {canary}')", "open('{canary}', 'w')", "a.__class__", "a.real > 0", "a[0] > 1",
    "(lambda: 1)()", "[x for x in a]", "eval('1')", "exec('1')", "f'{{a}}' == '1'", "(a := 5) > 1", "a; b", "import os",
    "a = 1", "a is None", "a @ b", "a << 99999", "a | b", "~a", "max(*a)", "max(a, key=len)", "min(default=1)",
    "print(a)",
    "{{1: a}}", "{{a}}", "b'x' == a", "1j < a", "... == a", "await a", "yield a", "", "   ", "\0", "a <", "((((",
    "a" * 5_000,
    "(" * 900 + "a" + ")" * 900, "getattr(a, 'b')", "min.__self__", "len(a)(1)",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:40]))
def test_hostile_text_is_refused_when_it_is_read(text: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(SpaceError, match="where: "):
        Expression(text.format(canary=canary))
    assert not canary.exists()


@pytest.mark.parametrize("bad", [None, 5, b"a < 1", ["a < 1"], True])
def test_what_is_no_text_is_refused(bad: Any) -> None:
    with pytest.raises(SpaceError, match="needs an expression such as"):
        Expression(bad)


@pytest.mark.parametrize(
    "text", ["a < 'x'", "a * 'x' == 1", "'x' * a == 1", "len(a) > 1", "sqrt('x') > 1", "a in 5", "[1] * a == 1"]
)
def test_a_constraint_that_does_not_fit_its_params_says_so(text: str) -> None:
    with pytest.raises(SpaceError, match="does not fit the params"):
        Expression(text).holds({"a": 3})


@pytest.mark.parametrize(
    "text", ["-" * 900 + "a < 1", "not " * 490 + "a", "1+" * 900 + "a > 0"], ids=["minus", "not", "plus"]
)
def test_a_deeply_nested_constraint_is_refused_or_answered(text: str) -> None:
    try:
        answer = Expression(text).holds({"a": 0.5})
    except SpaceError:
        return
    assert answer is True


@pytest.mark.parametrize(
    "text",
    [
        "round(a, -999999999) == 0", "len('%999999999999d' % a) > 0", "len('%4000000000d' % a) > 0", "9**9**9**9 > a",
        "'x' * 10**12 == a", "[1] * 10**12 == a",
    ],
)  # fmt: skip
def test_no_constraint_takes_all_the_time_or_memory(text: str) -> None:
    """In a process of its own with 2 GiB of memory: what goes wrong here cannot be interrupted in Python."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
        "from shoal import SpaceError\nfrom shoal.space.expression import Expression\n"
        f"try: Expression({text!r}).holds({{'a': 5}})\nexcept SpaceError: pass\nprint('answered')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "answered\n", done.stderr[-300:]
