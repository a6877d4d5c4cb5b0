"""Going on with a study in another space: what may change, what is refused, what becomes of old params."""

from __future__ import annotations

from typing import Any

import pytest

import shoal
from shoal import Space, SpaceError
from shoal.space import adapt, check_change

OLD: dict[str, Any] = {
    "lr": shoal.loguniform(1e-4, 1e-1),
    "layers": (1, 3),
    "act": ["relu", "tanh"],
    "rate": shoal.finrange(0.0, 1.0, 3),
    "drop": shoal.uniform(0.0, 0.5).when(act="relu"),
    "epochs": 27,
}


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"lr": shoal.loguniform(1e-6, 1.0)}, {"lr": shoal.loguniform(1e-3, 1e-2)}, {"lr": shoal.uniform(0.0, 1.0)},
        {"layers": (2, 2)}, {"layers": (1, 30)}, {"layers": shoal.qrandint(2, 8, 2)}, {"act": ["relu", "tanh", "gelu"]},
        {"act": ["relu"]}, {"act": ["gelu", "relu"]}, {"act": "relu"}, {"layers": 2}, {"epochs": (20, 30)},
        {"epochs": 9},
        {"epochs": [27, 54]}, {"rate": shoal.choice([0.0, 0.5])}, {"rate": shoal.uniform(0.0, 1.0)}, {"new": 5},
        {"new": shoal.uniform(0.0, 1.0, default=0.0)}, {"new": shoal.choice(["a", "b"], default="a")},
    ],
    ids=str,
)  # fmt: skip
def test_a_space_may_become_wider_narrower_and_larger(changed: dict[str, Any]) -> None:
    check_change(Space(OLD), Space({**OLD, **changed}))


def test_a_constant_may_be_dropped_and_constraints_may_change() -> None:
    rest = {name: domain for name, domain in OLD.items() if name != "epochs"}
    check_change(Space(OLD, where="lr < 0.05"), Space(rest, where="layers < 3"))


@pytest.mark.parametrize(
    ("changed", "before", "now"),
    [
        ({"new": shoal.uniform(0.0, 1.0)}, "(not there)", "uniform(0.0, 1.0)"),
        ({"act": ["gelu", "elu"]}, "choice(['relu', 'tanh'])", "choice(['gelu', 'elu'])"),
        ({"act": (0.0, 1.0)}, "choice(['relu', 'tanh'])", "uniform(0.0, 1.0)"),
        ({"lr": ["small", "large"]}, "loguniform(0.0001, 0.1)", "choice(['small', 'large'])"),
        ({"drop": shoal.uniform(0.0, 0.5)}, "uniform(0.0, 0.5).when(act='relu')", "uniform(0.0, 0.5)"),
        ({"drop": shoal.uniform(0.0, 0.5).when(act="tanh")}, ".when(act='relu')", ".when(act='tanh')"),
        ({"epochs": (1, 5)}, "constant(27)", "randint(1, 5)"),
        ({"layers": 9}, "randint(1, 3)", "constant(9)"),
        ({"act": "gelu"}, "choice(['relu', 'tanh'])", "constant('gelu')"),
    ],
)
def test_what_makes_no_sense_is_refused_with_both_definitions(changed: dict[str, Any], before: str, now: str) -> None:
    with pytest.raises(SpaceError) as error:
        check_change(Space(OLD), Space({**OLD, **changed}))
    text = str(error.value)
    assert all(name in text for name in changed)
    assert before in text.split("before:")[1].split("now:")[0]
    assert now in text.split("now:")[1]


def test_a_searched_param_may_not_vanish_and_the_message_says_how_to_keep_it() -> None:
    with pytest.raises(SpaceError, match=r"lr: .*fix it to a constant, as in lr="):
        check_change(Space(OLD), Space({name: domain for name, domain in OLD.items() if name != "lr"}))


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SpaceError) as error:
        check_change(Space(OLD), Space({**OLD, "act": ["elu"], "new": (0, 1), "drop": shoal.uniform(0, 1)}))
    assert all(f"\n  {name}: " in str(error.value) for name in ("act", "new", "drop"))


PARAMS = {"lr": 0.01, "layers": 2, "act": "relu", "rate": 0.5, "drop": 0.1, "epochs": 27}


def test_params_of_the_same_space_stay_as_they_are() -> None:
    assert adapt(PARAMS, Space(OLD)) == PARAMS


def test_old_params_get_the_defaults_of_new_names_where_these_are_active() -> None:
    a = shoal.uniform(0, 1, default=0.25).when(act="relu")
    b = shoal.randint(0, 1, default=1).when(act="tanh")
    assert adapt(PARAMS, Space({**OLD, "a": a, "b": b, "k": "x"})) == {**PARAMS, "a": 0.25, "k": "x"}


def test_dropped_constants_are_left_out_of_old_params() -> None:
    rest = {name: domain for name, domain in OLD.items() if name != "epochs"}
    assert adapt(PARAMS, Space(rest)) == {name: value for name, value in PARAMS.items() if name != "epochs"}


@pytest.mark.parametrize(
    "changed",
    [{"lr": shoal.loguniform(0.05, 1.0)}, {"act": ["tanh"]}, {"layers": 3}, {"layers": shoal.qrandint(1, 9, 4)}],
    ids=str,
)
def test_old_params_outside_the_new_space_are_not_adapted(changed: dict[str, Any]) -> None:
    assert adapt(PARAMS, Space({**OLD, **changed})) is None


def test_old_params_that_break_a_new_constraint_are_not_adapted() -> None:
    assert adapt(PARAMS, Space(OLD, where="layers < 2")) is None


def test_a_value_is_told_in_the_type_that_the_new_domain_has() -> None:
    adapted = adapt(PARAMS, Space({**OLD, "layers": (0.0, 5.0)}))
    assert adapted is not None
    assert type(adapted["layers"]) is float
