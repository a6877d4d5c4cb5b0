"""What the domains promise: their values, their distributions, and their places in [0, 1]."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shoal
from shoal.space.domain import Domain
from shoal.space.parsing import as_domain, parse

N = 20_000
EVERY_KIND = [
    shoal.uniform(-1.0, 2.0), shoal.loguniform(1e-6, 1.0), shoal.reverseloguniform(0.0, 0.999),
    shoal.quniform(0.1, 1.0, 0.1), shoal.qloguniform(0.5, 64.0, 0.5), shoal.qreverseloguniform(0.0, 0.99, 0.01),
    shoal.randint(-3, 4), shoal.lograndint(1, 100), shoal.qrandint(8, 64, 8), shoal.qlograndint(8, 256, 8),
    shoal.finrange(0.0, 1.0, 5), shoal.logfinrange(1, 1000, 4, integer=True),
    shoal.normal(0.0, 1.0), shoal.normal(5.0, 2.0, 1.0, 6.0), shoal.lognormal(0.0, 1.0),
    shoal.lognormal(0.0, 1.0, 0.5, 2.0), shoal.choice(["a", 1, 2.5, True, None, [1], {"k": 0}]),
    shoal.ordinal(["small", "medium", "large"]), shoal.ordinal([1, 2, 8], "value"), shoal.ordinal([1, 10, 1000], "log"),
    shoal.constant("fixed"), shoal.uniform(3.0, 3.0), shoal.choice(["only"]), shoal.randint(2**53 - 1, 2**53),
]  # fmt: skip
every_kind = pytest.mark.parametrize("domain", EVERY_KIND, ids=str)
finite = st.floats(-1e9, 1e9)
positive = st.floats(1e-9, 1e9)
DOMAINS = st.one_of(
    st.builds(shoal.uniform, finite, finite),
    st.builds(shoal.loguniform, positive, positive),
    st.builds(shoal.reverseloguniform, st.floats(0, 0.999999), st.floats(0, 0.999999)),
    st.builds(shoal.quniform, st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)),
    st.builds(shoal.qloguniform, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3)),
    st.builds(shoal.qreverseloguniform, st.floats(0, 0.999999), st.floats(0, 0.999999), st.floats(1e-3, 1e3)),
    st.builds(shoal.qrandint, st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(1, 1000)),
    st.builds(shoal.qlograndint, st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 1000)),
)


@every_kind
def test_places_in_the_unit_interval_give_values_that_the_domain_accepts(domain: Domain) -> None:
    for unit in (0.0, 1e-12, 0.25, 0.5, 0.75, 1 - 1e-12, 1.0):
        value = domain.at(unit)
        assert domain.check(value) == value
        assert type(domain.check(value)) is type(value)
        assert 0.0 <= domain.unit(value) <= 1.0


@every_kind
def test_a_value_survives_its_code_and_its_place(domain: Domain) -> None:
    for unit in np.linspace(0.02, 0.98, 23):
        value = domain.at(float(unit))
        again = domain.value(float(domain.code(value)))
        assert (again, type(again)) == (value, type(value))
        back = domain.at(domain.unit(value))
        assert back == (pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, float) else value)


@every_kind
def test_a_domain_prints_as_the_text_that_reads_back_to_it(domain: Domain) -> None:
    assert parse(str(domain)) == domain
    assert parse(repr(domain.when(other=shoal.at_least(2)))) == domain.when(other=shoal.at_least(2))


@given(DOMAINS, st.floats(0, 1))
@settings(deadline=None, max_examples=300)
def test_any_domain_of_numbers_accepts_what_it_draws_and_keeps_it_on_the_way_back(domain: Domain, unit: float) -> None:
    value = domain.at(unit)
    assert domain.check(value) == value
    assert 0.0 <= domain.unit(value) <= 1.0
    span = max(abs(domain.low), abs(domain.high))  # type: ignore[attr-defined]
    assert domain.at(domain.unit(value)) == pytest.approx(value, rel=1e-6, abs=1e-9 * span)


@pytest.mark.parametrize(
    ("word", "low", "high"),
    [
        ("uniform", -1.0, 2.0), ("loguniform", 1e-4, 1.0), ("reverseloguniform", 0.0, 0.9),
        ("randint", 2, 9), ("lograndint", 2, 9),
    ],
)  # fmt: skip
def test_reversed_bounds_mean_the_same(word: str, low: float, high: float) -> None:
    make = getattr(shoal, word)
    assert make(high, low) == make(low, high)
    assert as_domain((high, low)) == as_domain((low, high))


def test_reversed_bounds_mean_the_same_in_quantised_listed_and_cut_off_domains() -> None:
    assert shoal.quniform(1.0, 0.0, 0.25) == shoal.quniform(0.0, 1.0, 0.25)
    assert shoal.qlograndint(64, 8, 8) == shoal.qlograndint(8, 64, 8)
    assert shoal.finrange(1.0, 0.0, 3) == shoal.finrange(0.0, 1.0, 3)
    assert shoal.logfinrange(100.0, 1.0, 3) == shoal.logfinrange(1.0, 100.0, 3)
    assert shoal.normal(0.0, 1.0, 2.0, -2.0) == shoal.normal(0.0, 1.0, -2.0, 2.0)


@pytest.mark.parametrize(
    ("domain", "cdf"),
    [
        (shoal.uniform(-1.0, 3.0), lambda v: (v + 1) / 4),
        (shoal.loguniform(1e-4, 1.0), lambda v: 1 + math.log10(v) / 4),
        (shoal.reverseloguniform(0.0, 0.99), lambda v: math.log(1 - v) / math.log(0.01)),
        (shoal.normal(1.0, 2.0), lambda v: 0.5 * (1 + math.erf((v - 1) / (2 * math.sqrt(2))))),
        (shoal.lognormal(0.0, 1.0), lambda v: 0.5 * (1 + math.erf(math.log(v) / math.sqrt(2)))),
        (shoal.normal(0.0, 1.0, 0.0), lambda v: math.erf(v / math.sqrt(2))),
    ],
    ids=lambda value: str(value) if isinstance(value, Domain) else "",
)
def test_floats_are_drawn_from_their_distribution(domain: Domain, cdf: Any) -> None:
    rng = np.random.default_rng(1)
    places = np.sort([cdf(domain.at(unit)) for unit in rng.random(N)])
    distance = float(np.max(np.abs(places - (np.arange(N) + 0.5) / N)))
    assert distance < 1.95 / math.sqrt(N)  # Kolmogorov-Smirnov: exceeded with probability 0.001


def margins_hold(domain: Domain, expected: dict[Any, float]) -> None:
    """Each value's frequency lies within 4.5 standard deviations of its binomial distribution."""
    drawn = [domain.at(unit) for unit in np.random.default_rng(2).random(N)]
    assert set(drawn) == set(expected)
    for value, share in expected.items():
        assert abs(drawn.count(value) / N - share) < 4.5 * math.sqrt(share * (1 - share) / N)


def test_all_values_of_linear_int_quantised_and_choice_domains_are_equally_likely() -> None:
    margins_hold(shoal.randint(-2, 2), dict.fromkeys(range(-2, 3), 0.2))
    margins_hold(shoal.quniform(0.0, 1.0, 0.25), dict.fromkeys([0.0, 0.25, 0.5, 0.75, 1.0], 0.2))
    margins_hold(shoal.choice(["a", "b", None]), dict.fromkeys(["a", "b", None], 1 / 3))
    margins_hold(shoal.ordinal([5, 1, 9, 2]), dict.fromkeys([5, 1, 9, 2], 0.25))
    margins_hold(shoal.finrange(0.0, 1.0, 3), dict.fromkeys([0.0, 0.5, 1.0], 1 / 3))
    margins_hold(shoal.logfinrange(1, 100, 3), dict.fromkeys([1.0, 10.0, 100.0], 1 / 3))


def test_log_ints_are_as_likely_as_their_cells_are_wide_in_the_logarithm() -> None:
    span = math.log(4.5 / 0.5)
    margins_hold(shoal.lograndint(1, 4), {k: math.log((k + 0.5) / (k - 0.5)) / span for k in range(1, 5)})


def test_ordinals_by_value_and_by_log_value_stand_in_proportion() -> None:
    by_value, by_log = shoal.ordinal([0, 1, 10], "value"), shoal.ordinal([1, 10, 1000], "log")
    gaps = np.diff([by_value.unit(v) for v in (0, 1, 10)])
    assert gaps[1] == pytest.approx(9 * gaps[0])
    gaps = np.diff([by_log.unit(v) for v in (1, 10, 1000)])
    assert gaps[1] == pytest.approx(2 * gaps[0])


def test_an_int_stands_in_the_middle_of_its_cell() -> None:
    domain = shoal.randint(2, 4)  # cells of [1.5, 4.5]
    assert [domain.unit(k) for k in (2, 3, 4)] == pytest.approx([1 / 6, 3 / 6, 5 / 6])
    assert (domain.at(0.0), domain.at(0.333), domain.at(0.334), domain.at(1.0)) == (2, 2, 3, 4)


def test_quantised_values_land_on_their_grid_without_noise() -> None:
    assert [shoal.quniform(0.1, 0.7, 0.1).nth(k) for k in range(7)] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
    assert shoal.quniform(0.0, 1.0, 0.3).at(1.0) == 0.9
    assert [shoal.quniform(-0.3, 0.3, 0.1).nth(k) for k in range(7)] == [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]
    assert shoal.qrandint(3, 11, 3).at(1.0) == 9
    assert shoal.quniform(0.0, 1.0, 0.1).check(0.1 + 0.2) == 0.3


def test_quantised_values_stay_within_bounds_of_many_digits() -> None:
    for low in (math.sqrt(2), 1.0000000000049, 1 / 3):
        domain = shoal.quniform(low, 2 * low, low / 4)
        assert [domain.check(domain.nth(k)) for k in range(5)] == [domain.nth(k) for k in range(5)]


def test_ranges_of_a_size_hit_both_ends_exactly() -> None:
    assert list(shoal.finrange(1, 9, 5, integer=True).choices) == [1, 3, 5, 7, 9]
    assert list(shoal.logfinrange(1e-3, 1.0, 4).choices) == pytest.approx([1e-3, 1e-2, 1e-1, 1.0], rel=1e-12)
    assert all(type(value) is int for value in shoal.logfinrange(1, 64, 7, integer=True).choices)
    for domain in (shoal.finrange(0, 4, 5), shoal.logfinrange(1, 64, 7), shoal.finrange(3, 3, 1)):
        assert all(type(value) is float for value in domain.choices)  # whole ones and the ends as well
    for make, low, high in ((shoal.finrange, -math.pi, math.pi), (shoal.logfinrange, 1 / 7, math.e)):
        choices = make(low, high, 4).choices
        assert (choices[0], choices[-1]) == (low, high)


def test_ints_floats_and_bools_are_told_apart() -> None:
    mixed = shoal.choice([True, 1, "1", None, 0.5])
    assert [mixed.at(k / 5 + 0.1) for k in range(5)] == [True, 1, "1", None, 0.5]
    assert (mixed.code(True), mixed.code(1), mixed.code("1")) == (0, 1, 2)
    assert mixed.check(1.0) == 1
    assert type(shoal.randint(1, 5).check(3.0)) is int
    assert type(shoal.uniform(1, 5).check(3)) is float


@pytest.mark.parametrize(
    "bad",
    [math.nan, math.inf, -math.inf, True, "1", None, [1], {}, 10**400, 11, -1, 1j, b"1"],
    ids=lambda bad: repr(bad)[:20],
)
def test_numbers_refuse_what_is_no_number_of_theirs(bad: Any) -> None:
    for domain in (shoal.uniform(0, 10), shoal.randint(0, 10), shoal.quniform(0, 10, 0.5), shoal.normal(0, 5, 0, 10)):
        with pytest.raises(shoal.SpaceError):
            domain.check(bad)


@pytest.mark.parametrize("bad", ["c", 1, None, ["a"], {"a": 1}, {1, 2}, math.nan, object(), True])
def test_choices_refuse_what_they_do_not_list(bad: Any) -> None:
    with pytest.raises(shoal.SpaceError, match="is none of choice"):
        shoal.choice(["a", "b"]).check(bad)


def test_large_ints_off_the_grid_are_refused_and_not_rounded() -> None:
    with pytest.raises(shoal.SpaceError):
        shoal.qrandint(0, 10**10, 2).check(10**10 - 1)
    with pytest.raises(shoal.SpaceError):
        shoal.randint(0, 10**10).check(9_999_999_998.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: shoal.uniform(0, math.nan), lambda: shoal.uniform(0, math.inf), lambda: shoal.uniform("a", "b"),
        lambda: shoal.uniform(True, 2), lambda: shoal.uniform(0, 10**400), lambda: shoal.loguniform(0, 1),
        lambda: shoal.loguniform(-1, 1), lambda: shoal.reverseloguniform(0, 1),
        lambda: shoal.reverseloguniform(-1, 0.5), lambda: shoal.qreverseloguniform(0.5, 1.0, 0.1),
        lambda: shoal.randint(0.5, 2), lambda: shoal.randint(0, 2**53 + 1), lambda: shoal.randint(0, 10**400),
        lambda: shoal.lograndint(0, 5), lambda: shoal.quniform(0, 1, 0), lambda: shoal.quniform(0, 1, -0.1),
        lambda: shoal.quniform(0, 1, math.nan), lambda: shoal.quniform(0, 1e308, 1e-308),
        lambda: shoal.qrandint(0, 9, 0),
        lambda: shoal.finrange(0, 1, 1), lambda: shoal.finrange(0, 1, 0), lambda: shoal.finrange(0, 1, 2.5),
        lambda: shoal.logfinrange(0, 1, 3), lambda: shoal.normal(0, 0), lambda: shoal.normal(0, -1),
        lambda: shoal.normal(math.nan, 1), lambda: shoal.normal(0, 1, 100, 101), lambda: shoal.lognormal(0, 1, -1, 1),
        lambda: shoal.normal(0, 1, 2, 2), lambda: shoal.choice([]), lambda: shoal.choice("abc"),
        lambda: shoal.choice(["a", "a"]), lambda: shoal.choice([1, 1.0]), lambda: shoal.choice([math.nan]),
        lambda: shoal.choice([object()]), lambda: shoal.choice([{1, 2}]), lambda: shoal.choice({"a": 1}),
        lambda: shoal.choice(["\ud800"]),
        lambda: shoal.ordinal([3, 1], "value"), lambda: shoal.ordinal([0, 1], "log"),
        lambda: shoal.ordinal(["a"], "log"),
        lambda: shoal.ordinal([1, 2], "cubic"), lambda: shoal.constant(math.nan), lambda: shoal.constant(print),
        lambda: shoal.uniform(0, 1, default=2), lambda: shoal.choice(["a"], default="b"),
    ],
)  # fmt: skip
def test_domains_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(shoal.SpaceError):
        make()


@pytest.mark.parametrize("domain", [shoal.uniform(-8e307, 8e307), shoal.loguniform(5e-324, 1e308)], ids=str)
def test_the_widest_ranges_of_floats_are_drawn_from_evenly(domain: Domain) -> None:
    values = [domain.at(unit) for unit in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert all(map(math.isfinite, values))
    assert sorted(set(values)) == values


def test_a_lognormal_too_large_for_floats_is_refused_or_cut_off_but_does_not_overflow() -> None:
    try:
        domain = shoal.lognormal(800.0, 1.0)
    except shoal.SpaceError:
        return
    assert math.isfinite(domain.check(domain.at(0.9)))


def test_errors_say_what_to_write_instead() -> None:
    with pytest.raises(shoal.SpaceError, match=r"needs 0 < low <= high, got \(0, 1\).*use uniform"):
        shoal.loguniform(0, 1)
    with pytest.raises(shoal.SpaceError, match="must be one of 'equal', 'value', 'log', got 'lin'"):
        shoal.ordinal([1, 2], "lin")


@every_kind
def test_a_copy_is_equal_however_it_was_made(domain: Domain) -> None:
    assert copy.deepcopy(domain) == pickle.loads(pickle.dumps(domain)) == domain
    space = shoal.Space({"x": domain, "y": (0.0, 1.0)})
    assert copy.deepcopy(space).to_json() == pickle.loads(pickle.dumps(space)).to_json() == space.to_json()


def test_a_space_with_constraints_is_copied_as_well() -> None:
    space = pickle.loads(pickle.dumps(shoal.Space({"a": (0, 9), "b": (0, 9)}, where="a <= b")))
    assert space.allows({"a": 1, "b": 2})
    assert not space.allows({"a": 2, "b": 1})
