"""Numbers, text and arrays of other libraries, where a user writes plain ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import shoal
from shoal.space.parsing import as_domain, parse

np: Any = numpy  # what mypy knows to be no float may be given all the same
WORDS: list[tuple[Callable[[], Any], str]] = [
    (lambda: shoal.randint(np.int64(0), np.int32(9), default=np.int64(3)), "randint(0, 9, default=3)"),
    (lambda: shoal.qrandint(np.int64(8), np.int64(64), np.int64(8)), "qrandint(8, 64, 8)"),
    (lambda: shoal.lograndint(np.uint8(1), np.uint8(200)), "lograndint(1, 200)"),
    (lambda: shoal.uniform(np.float32(0), np.float32(1)), "uniform(0.0, 1.0)"),
    (lambda: shoal.loguniform(np.float32(0.5), np.int64(1)), "loguniform(0.5, 1.0)"),
    (lambda: shoal.quniform(np.int64(0), np.int64(1), np.float32(0.25)), "quniform(0.0, 1.0, 0.25)"),
    (lambda: shoal.finrange(np.int64(0), np.int64(1), np.int64(3)), "ordinal([0.0, 0.5, 1.0], 'value')"),
    (lambda: shoal.normal(np.int64(0), np.float32(2)), "normal(0.0, 2.0)"),
    (
        lambda: shoal.choice([np.int64(1), np.str_("a"), np.bool_(True), [np.float32(0.5)]]),
        "choice([1, 'a', True, [0.5]])",
    ),
    (lambda: shoal.choice(np.arange(3)), "choice([0, 1, 2])"),
    (lambda: shoal.ordinal(np.array([1, 10]), "log"), "ordinal([1, 10], 'log')"),
    (lambda: shoal.constant(np.float32(0.5)), "constant(0.5)"),
    (lambda: as_domain((np.int64(0), np.int64(9))), "randint(0, 9)"),
    (lambda: as_domain((np.int64(0), np.float32(9))), "uniform(0.0, 9.0)"),
    (lambda: as_domain((np.str_("a"), np.str_("b"))), "choice(['a', 'b'])"),
    (lambda: as_domain(list(np.arange(3))), "choice([0, 1, 2])"),
    (lambda: as_domain(np.arange(3)), "choice([0, 1, 2])"),
    (lambda: as_domain(np.int64(5)), "constant(5)"),
    (lambda: shoal.uniform(0, 1).when(a=np.int64(3)), "uniform(0.0, 1.0).when(a=3)"),
    (lambda: shoal.uniform(0, 1).when(a=[np.str_("x")]), "uniform(0.0, 1.0).when(a=one_of('x'))"),
    (lambda: shoal.uniform(0, 1).when(a=shoal.at_least(np.int64(3))), "uniform(0.0, 1.0).when(a=at_least(3))"),
]
SPACE = {"lr": (0.0, 1.0), "n": (0, 9), "kind": ["a", "b"], "big": [True, False], "shape": [[1, 2], [3]]}
PLAIN = {"lr": 0.5, "n": 5, "kind": "b", "big": False, "shape": [1, 2]}
OTHERS: list[dict[str, Any]] = [
    {"lr": np.float64(0.5)}, {"lr": np.float32(0.5)}, {"lr": np.array(0.5)}, {"n": np.int64(5)}, {"kind": np.str_("b")},
    {"big": np.bool_(False)}, {"shape": np.array([1, 2])}, {"shape": [np.int64(1), np.int64(2)]},
    {np.str_("n"): np.float64(5)},
]  # fmt: skip


@pytest.mark.parametrize(("domain", "spelt"), WORDS, ids=[spelt for _, spelt in WORDS])
def test_a_domain_of_numpys_numbers_is_spelt_and_read_as_one_of_plain_ones(
    domain: Callable[[], Any], spelt: str
) -> None:
    assert str(domain()) == spelt
    assert str(parse(spelt)) == spelt


@pytest.mark.parametrize("bad", [[np.longdouble(1)], [np.nan], [np.datetime64("2020-01-01")], [object()], np.str_("x")])
def test_what_is_not_plain_even_then_is_no_choice(bad: Any) -> None:
    with pytest.raises(shoal.SpaceError, match="choice"):
        shoal.choice(bad)


@pytest.mark.parametrize("point", OTHERS, ids=str)
def test_a_starting_point_may_hold_numpys_values(point: dict[str, Any]) -> None:
    study = shoal.Study(SPACE, start=[point], seed=0)
    params = study.ask().params
    (name,) = point
    assert (params[name], type(params[name])) == (PLAIN[name], type(PLAIN[name]))
    assert json.dumps(params)


def test_a_row_of_a_table_is_a_starting_point() -> None:
    frame = pytest.importorskip("pandas").DataFrame([PLAIN])
    for row in (frame.iloc[0], frame.iloc[0].to_dict(), frame[["lr", "n"]].iloc[0]):
        params = shoal.Study(SPACE, start=[row], seed=0).ask().params
        assert {name: params[name] for name in dict(row)} == {name: PLAIN[name] for name in dict(row)}


def test_tune_takes_numpys_numbers_for_what_a_study_is_told(tmp_path: Path) -> None:
    study = shoal.tune(
        lambda params: params["n"], SPACE, start=[{"n": np.int64(5)}], seed=np.int64(3), trials=np.int64(2),
        target=np.float32(-1), budget=shoal.Budget("epoch", np.int64(1), np.int64(9)), search="gp",
        settings={"design": np.int64(4)}, stopping="asha", stopping_settings={"eta": np.float32(2)}, workers=0,
        store=str(tmp_path / "study.db"), progress=False,
    )  # fmt: skip
    assert study.trials[0].params["n"] == 5
    assert len(study.trials) == 2


def test_a_seed_of_numpy_is_that_of_python() -> None:
    one, two = (shoal.Study(SPACE, seed=seed, trials=kind(4)) for seed, kind in ((3, int), (np.int64(3), np.int64)))
    assert one.ask().params == two.ask().params


def test_to_import_shoal_is_not_to_import_numpy() -> None:
    code = "import sys, shoal; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
