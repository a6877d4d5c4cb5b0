"""Shorthands and text: what stands for which domain, and that nothing hostile is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal import Space, SpaceError
from shoal.space.domain import Domain
from shoal.space.parsing import as_domain, from_yaml, parse


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ((1e-4, 1e-1), shoal.uniform(1e-4, 1e-1)), ((1e-1, 1e-4), shoal.uniform(1e-4, 1e-1)),
        ((2, 10), shoal.randint(2, 10)), ((10, 2), shoal.randint(2, 10)), ((1, 2.5), shoal.uniform(1.0, 2.5)),
        (["relu", "tanh"], shoal.choice(["relu", "tanh"])), (("relu", "tanh"), shoal.choice(["relu", "tanh"])),
        ([16, 32], shoal.choice([16, 32])), ([0.1], shoal.choice([0.1])), ((True, False), shoal.choice([True, False])),
        ([1, "a", None, [2]], shoal.choice([1, "a", None, [2]])), (("a", 1), shoal.choice(["a", 1])),
        (27, shoal.constant(27)), ("adam", shoal.constant("adam")), (None, shoal.constant(None)),
        (True, shoal.constant(True)),
        ({"a": 1}, shoal.constant({"a": 1})), (shoal.uniform(0, 1), shoal.uniform(0, 1)),
    ],
)  # fmt: skip
def test_a_shorthand_stands_for_its_domain(short: Any, long: Domain) -> None:
    assert as_domain(short) == long
    assert Space({"p": short}) == Space({"p": long})


@pytest.mark.parametrize(
    "bad", [(), [], (1,), (1, 2, 3), (1.0, float("nan")), (0, float("inf")), [[float("nan")]], {1}, object()]
)
def test_a_shorthand_that_makes_no_sense_is_refused(bad: Any) -> None:
    with pytest.raises(SpaceError):
        as_domain(bad)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("loguniform(1e-6, 1)", shoal.loguniform(1e-6, 1)), (" uniform( low = 0 , high = 1 ) ", shoal.uniform(0, 1)),
        ("(2, 10)", shoal.randint(2, 10)), ("(0.5, 0.1)", shoal.uniform(0.1, 0.5)),
        ("('a', 'b')", shoal.choice(["a", "b"])),
        ("choice([true, false, null])", shoal.choice([True, False, None])),
        ("choice(['a', [1, -2.5], {'k': 'v'}])", shoal.choice(["a", [1, -2.5], {"k": "v"}])),
        ("ordinal([1, 10, 100], 'log')", shoal.ordinal([1, 10, 100], "log")),
        ("randint(1, 5, default=2).when(a=1).when(b=at_most(3))",
        shoal.randint(1, 5, default=2).when(a=1).when(b=shoal.at_most(3))),
        ("uniform(0, 1).when(opt=one_of('a', 'b'))", shoal.uniform(0, 1).when(opt=["a", "b"])),
        ("finrange(1, 3, 3, integer=True)", shoal.finrange(1, 3, 3, integer=True)),
        ("normal(0, 1, None, 2)", shoal.normal(0, 1, None, 2)),
        ("adam", shoal.constant("adam")), ("uniform", shoal.constant("uniform")),
        ("smile :)", shoal.constant("smile :)")),
        ("", shoal.constant("")), ([1, 2], shoal.choice([1, 2])), (0.5, shoal.constant(0.5)),
        (["uniform(0, 1)"], shoal.choice(["uniform(0, 1)"])),
    ],
)  # fmt: skip
def test_text_of_a_file_is_read_as_the_domain_that_it_spells(text: Any, domain: Domain) -> None:
    assert from_yaml(text) == domain


def test_a_domain_that_yaml_took_for_a_dict_is_to_be_quoted() -> None:
    with pytest.raises(SpaceError, match="put the domain in quotes"):
        from_yaml({'choice([{"a"': "1}, 2])"})


def test_a_domain_that_yaml_cut_at_a_comma_is_to_be_quoted() -> None:
    with pytest.raises(SpaceError, match=r"'uniform\(0' cannot be read; .* in YAML's braces, quote what has commas"):
        from_yaml("uniform(0")
    with pytest.raises(SpaceError, match=r"choice\(\['a', 'b'\]\)$"):
        from_yaml("uniform(0))")


HOSTILE = [
    "__import__('os').system('touch {canary}')", "uniform(__import__('os').system('touch {canary}'), 1)",
    "choice([open('{canary}', 'w')])", "eval('1')", "uniform(0, 1).__class__()", "uniform.__globals__()",
    "(lambda: open('{canary}', 'w'))()", "[open('{canary}', 'w') for _ in (1,)](0)", "uniform(0, 1)(2)",
    "uniform(*[0, 1])", "uniform(0, x := 1)", "uniform(0, 1).when(a=open('{canary}', 'w'))",
    "uniform(0, 1).when('sgd')", "uniform(0, 1).when(**{{1: 2}})", "uniform(0, 1).when(**{{**{{'a': 1}}}})",
    "uniform(**{{**{{'low': 1}}}})", "uniform(0, 1).then(a=1)", "randint(1, 5, _name='x')",
    "qlograndint(1, 5, 1, **{{'_name': 5}})",
    "uniform(0, 1, 2, 3)", "uniform()", "uniform(0, 1, shape=2)", "uniform(0, 1e999)", "uniform(0, ten)",
    "choice([{{[]: 1}}])",
    "choice({{'a', 'b'}})", "constant({{1}})", "constant(b'x')", "constant(1j)", "constant(...)",
    "choice([at_least(1)])",
    "choice(['\ud800'])", "choice([at_least(1, 2)])", "uniform(" + "(" * 5_000 + "1" + ")" * 5_000 + ", 2)",
    "constant(" + "-" * 5_000 + "1)", "constant(" + "9" * 5_000 + ")", "uniform(0,\0 1)", "uniform(0 1)",
    "uniform(0, 1))",
    "choice([f'{{1}}'])", "choice(['a'] * 10**9)", "uniform(0, 10**10**10)", "constant(" + "1," * 60_000 + ")",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:40]))
def test_hostile_text_is_refused_and_never_run(text: str, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(SpaceError):
        parse(text.format(canary=canary))
    assert not canary.exists()


def test_a_misspelt_domain_is_told_the_likely_one() -> None:
    with pytest.raises(SpaceError, match=r"lr: unknown domain 'loguniforn'; did you mean 'loguniform'\?"):
        Space.from_json({"lr": "loguniforn(1, 2)"})


def test_long_text_is_cut_short_in_the_message() -> None:
    with pytest.raises(SpaceError) as error:
        parse("uniform(0, " + "x" * 50_000)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("data", [None, [], "x", 5, {"domains": []}, {"domains": None}, {}, {"domains": {}}])
def test_json_that_is_no_space_is_refused(data: Any) -> None:
    with pytest.raises(SpaceError):
        Space.from_json(data)


@pytest.mark.parametrize("where", [5, [5], {"a": 1}, [None], "", [""]])
def test_json_with_a_constraint_that_is_no_text_is_refused(where: Any) -> None:
    with pytest.raises(SpaceError):
        Space.from_json({"domains": {"a": "uniform(0, 1)"}, "where": where if where != "" else [" "]})


def test_a_flat_mapping_as_in_a_yaml_file_is_a_space() -> None:
    space = Space.from_json({"lr": "loguniform(1e-6, 1)", "layers": "(1, 3)", "act": ["relu", "tanh"], "epochs": 27})
    assert space == Space({"lr": shoal.loguniform(1e-6, 1), "layers": (1, 3), "act": ["relu", "tanh"], "epochs": 27})


@pytest.mark.parametrize("test", [shoal.at_least, shoal.at_most])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), True, "2", None])
def test_a_condition_needs_a_finite_number_to_compare_with(test: Any, bad: Any) -> None:
    with pytest.raises(SpaceError):
        test(bad)
