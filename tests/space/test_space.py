"""Spaces: drawing, checking, conditions, constraints, encodings, sizes, and text."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shoal
from shoal import Space, SpaceError

RICH = Space(
    {
        "momentum": shoal.uniform(0.0, 0.99).when(optimizer="sgd"),
        "optimizer": ["sgd", "adam", "rmsprop"],
        "lr": shoal.loguniform(1e-6, 1.0, default=1e-3),
        "layers": (1, 3),
        "units_1": shoal.lograndint(8, 256),
        "units_2": shoal.lograndint(8, 256).when(layers=shoal.at_least(2)),
        "units_3": shoal.qrandint(8, 256, 8).when(layers=3),
        "nesterov": shoal.choice([True, False]).when(momentum=shoal.at_least(0.5)),
        "decay": shoal.quniform(0.0, 0.5, 0.1).when(optimizer=["sgd", "adam"]),
        "size": shoal.ordinal([1, 10, 100], "log"),
        "warmup": shoal.constant(5).when(optimizer="adam"),
        "epochs": 27,
    },
    where=["units_2 <= units_1", "lr * layers < 1.5"],
)
FINITE = Space({"a": (1, 2), "b": shoal.choice(["x", None]).when(a=2), "c": [1, 2, 3], "k": 0}, where="c >= a")


def draws(space: Space, count: int = 300, seed: int = 0) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(count)]


def assert_close(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Floats up to rounding, all else exactly."""
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert got[name] == (pytest.approx(value, rel=1e-9, abs=1e-12) if isinstance(value, float) else value)


def test_samples_are_valid_and_keep_the_order_of_the_space() -> None:
    for params in draws(RICH):
        assert RICH.validate(params) == params
        assert list(params) == [name for name in RICH.domains if name in params]
        assert json.loads(json.dumps(params)) == params


def test_samples_with_the_same_generator_are_the_same() -> None:
    assert draws(RICH, 20, seed=4) == draws(RICH, 20, seed=4)
    assert draws(RICH, 20, seed=4) != draws(RICH, 20, seed=5)


def test_a_param_is_there_just_where_its_conditions_hold() -> None:
    seen = set()
    for params in draws(RICH):
        assert ("momentum" in params) == (params["optimizer"] == "sgd")
        assert ("units_2" in params) == (params["layers"] >= 2)
        assert ("units_3" in params) == (params["layers"] == 3)
        assert ("decay" in params) == (params["optimizer"] in ("sgd", "adam"))
        assert ("nesterov" in params) == (params.get("momentum", 0) >= 0.5)  # its parent may be absent itself
        assert ("warmup" in params) == (params["optimizer"] == "adam")
        seen |= params.keys()
    assert seen == set(RICH.domains)


def test_conditions_nest_to_any_depth() -> None:
    depth = 60
    domains: dict[str, Any] = {f"p{k}": shoal.choice([0, 1]).when(**{f"p{k - 1}": 1}) for k in range(depth, 0, -1)}
    space = Space({**domains, "p0": [0, 1]})
    assert space.at([0.9] * (depth + 1)) == dict.fromkeys(space.domains, 1)
    assert space.at([0.9] * depth + [0.1]) == {"p0": 0}
    assert Space.from_json(space.to_json()) == space


def test_several_conditions_must_all_hold() -> None:
    space = Space({"a": [0, 1], "b": [0, 1], "c": shoal.uniform(0, 1).when(a=1).when(b=1)})
    for params in draws(space, 50):
        assert ("c" in params) == (params["a"] == params["b"] == 1)


def test_a_condition_on_true_is_not_met_by_one() -> None:
    space = Space({"flag": [1, True], "x": shoal.uniform(0, 1).when(flag=True)})
    assert "x" not in space.at([0.1, 0.5])
    assert "x" in space.at([0.9, 0.5])


@pytest.mark.parametrize(
    ("domains", "message"),
    [
        ({"a": shoal.uniform(0, 1).when(b=1)}, "names 'b', which is not in the space: a"),
        ({True: (0.0, 1.0)}, "got True; YAML takes on, off, yes and no for it unless they are quoted"),
        ({"a": shoal.uniform(0, 1).when(b=1), "b": shoal.uniform(0, 1).when(a=1)}, "a, b go round in a circle"),
        ({"a": shoal.uniform(0, 1).when(a=1)}, "circle"),
        ({"": 1}, "printable text"), ({"  ": 1}, "printable text"), ({"a\nb": 1}, "printable text"),
        ({5: 1}, "printable text"), ({"--lr": 1}, "does not start with '-'"), ({}, "at least one name"), ([], "dict"),
        ({"a": math.nan}, "^a: "), ({"a": (1, 2, 3)}, "^a: .*tuple of two numbers"), ({"a": []}, "^a: "),
        ({"a": ()}, "^a: "),
        ({"a": {1, 2}}, "^a: "), ({"a": print}, "^a: "), ({"a": np.zeros(2)}, "^a: "),
    ],
)  # fmt: skip
def test_spaces_that_make_no_sense_are_refused_with_the_name_of_the_param(domains: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space(domains)


def test_validate_names_everything_that_is_wrong() -> None:
    with pytest.raises(SpaceError) as error:
        RICH.validate({"optimizer": "adm", "lr": math.nan, "layers": True, "unknown": 1})
    for part in ("adm", "lr", "layers", "unknown"):
        assert part in str(error.value)


def test_validate_refuses_missing_inactive_and_constraint_breaking_params() -> None:
    good = {"optimizer": "rmsprop", "lr": 0.1, "layers": 2, "units_1": 64, "units_2": 32, "size": 10}
    assert RICH.validate(good)["epochs"] == 27
    without = {name: value for name, value in good.items() if name != "units_2"}
    for bad, message in (
        (without, "missing 'units_2'"),
        ({**good, "momentum": 0.5}, "'momentum' is not active here"),
        ({**good, "units_2": 65}, "'units_2 <= units_1' does not hold"),
        ({**good, "epochs": 28}, "epochs"),
        ({**good, "units_1": 10**400}, "units_1"),
    ):
        with pytest.raises(SpaceError, match=message):
            RICH.validate(bad)


def test_validate_returns_the_types_of_the_domains() -> None:
    params = Space({"x": (0.0, 5.0), "n": (0, 5), "c": [1, "a"]}).validate({"x": 1, "n": 2.0, "c": 1.0})
    assert [type(params[name]) for name in ("x", "n", "c")] == [float, int, int]


def test_partial_params_are_completed_with_defaults_first_and_draws_next() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        params = RICH.complete({"optimizer": "sgd", "layers": 3, "units_1": 16}, rng)
        assert (params["optimizer"], params["layers"], params["units_1"], params["lr"]) == ("sgd", 3, 16, 1e-3)
        assert RICH.validate(params) == params


@pytest.mark.parametrize(
    "given_params", [{"nope": 1}, {"optimizer": "x"}, {"optimizer": "adam", "momentum": 0.1}, {"lr": "1"}]
)
def test_partial_params_outside_the_space_are_refused(given_params: dict[str, Any]) -> None:
    with pytest.raises(SpaceError, match="starting point"):
        RICH.complete(given_params, np.random.default_rng(0))


def test_too_tight_a_constraint_is_named() -> None:
    with pytest.raises(SpaceError, match=r"none of 10,000 random params satisfy 'x > 2'"):
        Space({"x": (0.0, 1.0)}, where="x > 2").sample(np.random.default_rng(0))


@pytest.mark.parametrize("one_hot", [False, True])
def test_params_survive_the_unit_cube(one_hot: bool) -> None:
    width = len(RICH.encode(draws(RICH, 1)[0], one_hot))
    for params in draws(RICH):
        point = RICH.encode(params, one_hot)
        assert point.shape == (width,)
        assert ((point >= 0) & (point <= 1)).all()
        assert_close(RICH.decode(point, one_hot), params)


def test_one_hot_gives_each_choice_a_column_and_none_to_an_inactive_one() -> None:
    space = Space({"c": ["a", "b", "z"], "n": (2, 4), "d": shoal.choice([0, 1]).when(c="a"), "k": 9})
    assert space.encode({"c": "b", "n": 3, "k": 9}).tolist() == [0.5, 0.5, 0.5]
    assert space.encode({"c": "b", "n": 2, "k": 9}, one_hot=True).tolist() == pytest.approx([0, 1, 0, 1 / 6, 0, 0])
    assert space.decode([0.2, 0.9, 0.1, 0.99, 0, 1], one_hot=True) == {"c": "b", "n": 4, "k": 9}


@given(st.lists(st.floats(0, 1), min_size=len(RICH.names), max_size=len(RICH.names)))
@settings(deadline=None)
def test_every_point_of_the_cube_decodes_to_params_in_their_domains(point: list[float]) -> None:
    params = RICH.decode(point)
    assert_close(RICH.decode(RICH.encode(params)), params)
    if RICH.allows(params):
        assert RICH.validate(params) == params


@pytest.mark.parametrize("point", [[], [0.5], [0.5] * 99, [math.nan] * len(RICH.names), [math.inf] * len(RICH.names)])
def test_points_of_another_shape_or_without_a_number_are_refused(point: list[float]) -> None:
    with pytest.raises(SpaceError, match="decode needs"):
        RICH.decode(point)


def test_points_beyond_the_cube_are_moved_to_its_surface() -> None:
    assert Space({"n": (1, 5), "x": (0.0, 1.0)}).decode([-3.0, 7.0]) == {"n": 1, "x": 1.0}


def test_a_finite_space_lists_every_point_once() -> None:
    points = list(FINITE.points())
    expected = [{"a": 1, "c": c, "k": 0} for c in (1, 2, 3)]
    expected += [{"a": 2, "b": b, "c": c, "k": 0} for b in ("x", None) for c in (2, 3)]
    assert sorted(map(str, points)) == sorted(map(str, expected))
    assert FINITE.size == len(points) == 7
    assert all(FINITE.validate(point) == point for point in points)


def test_the_size_of_a_space_counts_its_points() -> None:
    assert Space({"k": 1}).size == 1
    assert list(Space({"k": 1}).points()) == [{"k": 1}]
    assert Space({"q": shoal.quniform(0, 1, 0.25), "r": (3, 1), "s": shoal.uniform(2, 2)}).size == 15
    assert Space({"n": (0, 2**40), "m": (0, 2**40)}).size == (2**40 + 1) ** 2
    assert Space({"x": (0.0, 1.0), "n": (1, 3)}).size == math.inf
    with pytest.raises(SpaceError, match="x has infinitely many values"):
        next(Space({"x": (0.0, 1.0), "n": (1, 3)}).points())


@pytest.mark.parametrize(
    "space", [RICH, FINITE, Space({"k": None}), Space({"naïve 学": (0.0, 1.0), "it's": ["a'b\"", "\\n"]})]
)
def test_a_space_survives_json(space: Space) -> None:
    again = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert again == space
    assert draws(again, 20) == draws(space, 20)


@pytest.mark.parametrize(
    "name", ["lambda", "class", "None", "_hidden", "with space", "it's", "µ", "学", "self", "default"]
)
def test_a_condition_on_a_param_of_any_name_survives_json(name: str) -> None:
    space = Space({name: [1, 2], "x": shoal.uniform(0, 1).when(**{name: 1})})
    assert Space.from_json(json.loads(json.dumps(space.to_json()))) == space


def test_a_space_prints_one_line_a_param() -> None:
    lines = str(RICH).splitlines()
    assert lines[0] == "space of 10 params and 2 constants"
    assert "  momentum   uniform(0.0, 0.99).when(optimizer='sgd')" in lines
    assert "  units_2    lograndint(8, 256).when(layers=at_least(2))" in lines
    assert lines[-3:] == ["  epochs     27", "  where      units_2 <= units_1", "  where      lr * layers < 1.5"]


def test_a_constraint_on_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(SpaceError, match=r"names 'unit', which is not in the space: units, lr"):
        Space({"units": (1, 2), "lr": 0.1}, where="unit < 3")


@pytest.mark.parametrize(
    ("other", "wanted", "why"),
    [(["a", "b"], "z", "is never 'z'"), (["a", "b"], ["a", "b"], ""), ((1, 3), shoal.at_least(7), "never at_least(7)"),
     ((1, 3), shoal.at_least(3), ""), ((1.0, 5.0), shoal.at_most(0.5), "never at_most(0.5)"), ((1, 5), 7, "never 7"),
     ([True, False], 1, "is never 1"), (3, 4, "is never 4"), (3, 3, "")],
)  # fmt: skip
def test_a_condition_that_never_holds_is_told(other: Any, wanted: Any, why: str) -> None:
    notes = Space({"o": other, "x": shoal.uniform(0, 1).when(o=wanted)}).idle()
    assert len(notes) == bool(why)
    assert all(why in note and "no trial has x" in note for note in notes)


def test_a_value_that_a_condition_names_in_vain_is_told() -> None:
    space = Space({"o": ["sgd", "adam"], "x": shoal.uniform(0, 1).when(o=["adam", "sdg"])})
    assert space.idle() == ["a condition of x is in vain: o is never 'sdg'"]
