"""`HpProblem`: what may be said of a space, what it is in Shoal, and how it prints."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shoal import SpaceError
from shoal.dialects.deephyper import HpProblem
from shoal.dialects.deephyper import configspace as cs

TUTORIAL = """\
Configuration space object:
  Hyperparameters:
    activation, Type: Categorical, Choices: {identity, relu, sigmoid, tanh}, Default: identity
    lr, Type: UniformFloat, Range: [0.0001, 1.0], Default: 0.50005
    units, Type: UniformInteger, Range: [1, 100], Default: 50

Starting Point:
{0: {'activation': 'identity', 'lr': 0.01, 'units': 10}}"""

CONDITIONAL = """\
Configuration space object:
  Hyperparameters:
    b, Type: UniformInteger, Range: [1, 9], Default: 5
    c, Type: UniformInteger, Range: [1, 9], Default: 5
    mom, Type: UniformFloat, Range: [0.0, 1.0], Default: 0.5
    opt, Type: Categorical, Choices: {sgd, adam, rms}, Default: sgd
    x, Type: UniformFloat, Range: [0.0, 10.0], Default: 5.0
  Conditions:
    (b | opt == 'sgd' || b | opt == 'rms')
    mom | x > 3.0
  Forbidden Clauses:
    (Forbidden: opt == 'adam' && Forbidden: c in {2, 3})
    Forbidden: c == 7
    Forbidden: b > c"""


def tutorial() -> HpProblem:
    problem = HpProblem()
    problem.add_dim("units", (1, 100))
    problem.add_dim("activation", ["identity", "relu", "sigmoid", "tanh"])
    problem.add_dim("lr", (0.0001, 1.0))
    problem.add_starting_point(units=10, activation="identity", lr=0.01)
    return problem


def conditional() -> HpProblem:
    problem = HpProblem()
    x = problem.add_hyperparameter((0.0, 10.0), "x")
    opt = problem.add_hyperparameter(["sgd", "adam", "rms"], "opt")
    mom = problem.add_hyperparameter((0.0, 1.0), "mom")
    b, c = (problem.add_hyperparameter((1, 9), name) for name in "bc")
    problem.add_condition(cs.GreaterThanCondition(mom, x, 3.0))
    problem.add(cs.OrConjunction(cs.EqualsCondition(b, opt, "sgd"), cs.EqualsCondition(b, opt, "rms")))
    problem.add_forbidden_clause(
        cs.ForbiddenAndConjunction(cs.ForbiddenEqualsClause(opt, "adam"), cs.ForbiddenInClause(c, [2, 3]))
    )
    problem.add(cs.ForbiddenEqualsClause(c, 7))
    problem.add_forbidden_clause(cs.ForbiddenGreaterThanRelation(b, c))
    return problem


def test_the_tutorials_problem_prints_as_in_the_tutorial() -> None:
    assert str(tutorial()) == TUTORIAL


def test_conditions_and_forbidden_clauses_print_as_deephyper_prints_them() -> None:
    assert str(conditional()) == CONDITIONAL


@pytest.mark.parametrize(
    ("value", "domain", "line"),
    [
        ((1, 100), "randint(1, 100)", "UniformInteger, Range: [1, 100], Default: 50"),
        ((2, 5), "randint(2, 5)", "UniformInteger, Range: [2, 5], Default: 4"),
        ((1, 5.0), "uniform(1.0, 5.0)", "UniformFloat, Range: [1.0, 5.0], Default: 3.0"),
        ((1, 5, "log-uniform"), "lograndint(1, 5)", "UniformInteger, Range: [1, 5], Default: 2, on log-scale"),
        ((1e-3, 1, "log-uniform"), "loguniform(0.001, 1.0)",
         "UniformFloat, Range: [0.001, 1.0], Default: 0.0316227766017, on log-scale"),
        ([4, 1, 2], "ordinal([4, 1, 2])", "Ordinal, Sequence: {4, 1, 2}, Default: 4"),
        (["a", 1], "choice(['a', 1])", "Categorical, Choices: {a, 1}, Default: a"),
        ([None, "relu"], "choice([None, 'relu'])", "Categorical, Choices: {None, relu}, Default: None"),
        ([True, False], "choice([True, False])", "Categorical, Choices: {True, False}, Default: True"),
        (np.array([1, 2]), "ordinal([1, 2])", "Ordinal, Sequence: {1, 2}, Default: 1"),
        ({"mu": 5.0, "sigma": 1.0, "lower": 0.0, "upper": 10.0}, "normal(5.0, 1.0, 0.0, 10.0)",
         "NormalFloat, Mu: 5.0, Sigma: 1.0, Range: [0.0, 10.0], Default: 5.0"),
        ({"mu": 0.0, "sigma": 1.0}, "normal(0.0, 1.0)", "NormalFloat, Mu: 0.0, Sigma: 1.0, Default: 0.0"),
        (3, "constant(3)", "Constant, Value: 3"),
        ("adam", "constant('adam')", "Constant, Value: adam"),
    ],
    ids=str,
)  # fmt: skip
def test_a_short_form_is_a_domain_and_prints_as_in_deephyper(value: Any, domain: str, line: str) -> None:
    problem = HpProblem()
    problem.add_hyperparameter(value, "x")
    assert str(problem.space.domains["x"]) == domain
    assert str(problem).splitlines()[2] == f"    x, Type: {line}"


@pytest.mark.parametrize(
    "bad",
    [(1,), (1, 2, 3), (0.0, 1.0, "normal"), ("a", "b"), (True, 2), (0.0, math.nan), (0.0, 1.0, "log-uniform"), [], None,
     [1, 1], [math.inf], {"mu": 0.0}, {"mu": 0, "sigma": 1}, {"mu": 0.0, "sigma": 1.0, "low": 0.0}, print],
    ids=str,
)  # fmt: skip
def test_what_is_no_hyperparameter_is_refused_and_leaves_the_problem_as_it_was(bad: Any) -> None:
    problem = tutorial()
    with pytest.raises(SpaceError):
        problem.add_hyperparameter(bad, "x")
    assert str(problem) == TUTORIAL


def test_a_name_that_is_taken_or_missing_and_a_default_outside_are_refused() -> None:
    problem = tutorial()
    for value, name, default in [((1, 2), "units", None), ((1, 2), None, None), ((1, 2), "x", 3), (3, "x", 4)]:
        with pytest.raises(SpaceError):
            problem.add_hyperparameter(value, name, default)


def test_a_starting_point_outside_of_the_space_is_refused_and_one_that_is_partial_is_not() -> None:
    problem = tutorial()
    for bad in ({"units": 1000}, {"unit": 1}, {"activation": "elu"}, {"lr": math.nan}):
        with pytest.raises(SpaceError):
            problem.add_starting_point(**bad)
    problem.add_starting_point(units=3)
    assert problem.start == [{"units": 10, "activation": "identity", "lr": 0.01}, {"units": 3}]


def test_what_is_drawn_meets_every_condition_and_no_forbidden_clause() -> None:
    drawn = conditional().sample(500)
    for params in drawn:
        assert ("mom" in params) == (params["x"] > 3.0)
        assert ("b" in params) == (params["opt"] in ("sgd", "rms"))
        assert params["c"] != 7
        assert params["opt"] != "adam" or params["c"] not in (2, 3)
        assert params.get("b", 0) <= params["c"]
    assert {params["opt"] for params in drawn} == {"sgd", "adam", "rms"}


@pytest.mark.parametrize(
    ("condition", "parent", "active"),
    [
        (cs.EqualsCondition, (1, 5), {3}), (cs.NotEqualsCondition, (1, 5), {1, 2, 4, 5}),
        (cs.GreaterThanCondition, (1, 5), {4, 5}), (cs.LessThanCondition, (1, 5), {1, 2}),
        (cs.GreaterThanCondition, [1, 3, 9], {9}), (cs.LessThanCondition, [1, 3, 9], {1}),
        (cs.NotEqualsCondition, [1, 3, 9], {1, 9}),
    ],
    ids=str,
)  # fmt: skip
def test_a_condition_holds_where_it_holds_in_configspace(condition: Any, parent: Any, active: set[int]) -> None:
    problem = HpProblem()
    over, under = problem.add_hyperparameter(parent, "over"), problem.add_hyperparameter((0.0, 1.0), "under")
    problem.add_condition(condition(under, over, 3))
    drawn = problem.sample(300)
    assert {params["over"] for params in drawn if "under" in params} == active
    assert {params["over"] for params in drawn if "under" not in params}.isdisjoint(active)


def test_conditions_may_be_joined_and_nested() -> None:
    problem = HpProblem()
    a, b, c = (problem.add_hyperparameter((1, 3), name) for name in "abc")
    problem.add_condition(cs.InCondition(b, a, [2, 3]))
    problem.add_condition(cs.AndConjunction(cs.EqualsCondition(c, a, 3), cs.LessThanCondition(c, b, 3)))
    for params in problem.sample(200):
        assert ("b" in params) == (params["a"] > 1)
        assert ("c" in params) == (params["a"] == 3 and params["b"] < 3)
    assert problem.default_configuration == {"a": 2, "b": 2}


def test_an_or_of_two_parents_is_refused_with_the_way_out() -> None:
    problem = HpProblem()
    a, b, c = (problem.add_hyperparameter((1, 3), name) for name in "abc")
    with pytest.raises(SpaceError, match="all have to hold"):
        problem.add_condition(cs.OrConjunction(cs.EqualsCondition(c, a, 3), cs.EqualsCondition(c, b, 3)))
    assert "Conditions" not in str(problem)


def test_a_condition_on_a_value_that_the_parent_does_not_have_and_one_that_never_holds_are_refused() -> None:
    problem = HpProblem()
    a, b = problem.add_hyperparameter(["x", "y"], "a"), problem.add_hyperparameter((0.0, 1.0), "b")
    ordered = problem.add_hyperparameter([1, 2, 3], "o")
    for bad in (cs.EqualsCondition(b, a, "z"), cs.GreaterThanCondition(b, ordered, 3), object(), "a == 'x'"):
        with pytest.raises(SpaceError):
            problem.add_condition(bad)
    with pytest.raises(SpaceError):
        problem.add_forbidden_clause(cs.ForbiddenEqualsClause(cs.Constant("elsewhere", 1), 1))
    assert len(problem.sample(5)) == 5


def test_hyperparameters_of_configspace_are_taken_by_its_names() -> None:
    problem = HpProblem()
    problem.add_hyperparameters([
        cs.UniformIntegerHyperparameter("i", lower=10, upper=100, log=True),
        cs.UniformFloatHyperparameter("f", 0.0, 1.0, default_value=0.25),
        cs.CategoricalHyperparameter("c", choices=["a", "b"]),
        cs.OrdinalHyperparameter("o", ["s", "m", "l"]),
        cs.Constant("k", 7),
        cs.NormalFloatHyperparameter("n", mu=0.0, sigma=1.0),
    ])  # fmt: skip
    assert problem.hyperparameter_names == ["i", "f", "c", "o", "k", "n"]
    assert str(problem.space.domains["i"]) == "lograndint(10, 100)"
    with pytest.raises(SpaceError, match="weights"):
        problem.add_hyperparameter(cs.CategoricalHyperparameter("w", ["a", "b"], weights=[1, 2]))  # type: ignore[arg-type]


def test_a_configuration_is_checked() -> None:
    problem = conditional()
    good = {"x": 5.0, "opt": "adam", "mom": 0.5, "c": 5}
    assert problem.check_configuration(good)
    assert not problem.check_configuration({**good, "c": 7}, raise_if_not_valid=False)
    with pytest.raises(SpaceError, match="c == 7"):
        problem.check_configuration({**good, "c": 7})
