"""Syne Tune's domains: their meaning, and their way to JSON and back."""

from __future__ import annotations

import argparse
import importlib
import json
from typing import Any

import pytest

import shoal
from shoal.dialects.syne_tune import config_space as cs
from shoal.errors import ShoalError, SpaceError
from shoal.space.domain import Domain

EVERY = [
    cs.uniform(0, 0.99), cs.loguniform(1e-6, 1), cs.reverseloguniform(0.5, 0.999), cs.quniform(0.0, 1.0, 0.25),
    cs.qloguniform(0.5, 64.0, 0.5), cs.qreverseloguniform(0.0, 0.99, 0.01), cs.randint(4, 1024), cs.lograndint(1, 100),
    cs.qrandint(8, 64, 8), cs.qlograndint(8, 256, 8), cs.randn(1.0, 2.0), cs.choice(["sgd", "adam"]),
    cs.ordinal(["small", "large"]), cs.ordinal([1, 2, 8]), cs.ordinal([8, 1, 2]), cs.ordinal([1, 2, 8], kind="equal"),
    cs.ordinal([1, 2, 8], kind="nn-log"), cs.logordinal([0.1, 1.0]), cs.finrange(0.1, 0.9, 9),
    cs.logfinrange(1, 1000, 4, cast_int=True),
]  # fmt: skip


@pytest.mark.parametrize("domain", EVERY, ids=str)
def test_a_domain_comes_back_from_json_as_it_was(domain: Domain) -> None:
    assert cs.from_dict(json.loads(json.dumps(cs.to_dict(domain)))) == domain


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"domain_cls": "Float", "domain_kwargs": {"lower": 1e-6, "upper": 1.0}, "sampler_cls": "LogUniform",
          "sampler_kwargs": {"base": 2.718281828459045}}, "loguniform(1e-06, 1.0)"),
        ({"domain_cls": "Integer", "domain_kwargs": {"lower": 4, "upper": 9}, "sampler_cls": "Uniform",
          "sampler_kwargs": {}}, "randint(4, 9)"),
        ({"domain_cls": "Categorical", "domain_kwargs": {"categories": ["a", "b"]}, "sampler_cls": "Uniform",
          "sampler_kwargs": {}}, "choice(['a', 'b'])"),
        ({"domain_cls": "FiniteRange", "domain_kwargs": {"lower": 0.0, "upper": 1.0, "log_scale": False,
          "cast_int": False, "size": 3}}, "ordinal([0.0, 0.5, 1.0], 'value')"),
        ({"domain_cls": "OrdinalNearestNeighbor", "domain_kwargs": {"categories": [1, 8], "log_scale": True}},
         "ordinal([1, 8], 'log')"),
    ],
)  # fmt: skip
def test_what_syne_tune_wrote_is_read(theirs: dict[str, Any], ours: str) -> None:
    assert str(cs.from_dict(theirs)) == ours


def test_what_syne_tune_did_not_write_down_is_refused() -> None:
    lost = {"domain_cls": "Float", "domain_kwargs": {"lower": 0, "upper": 1},
            "sampler_cls": "<config_space.Quantized object at 0x7f>", "sampler_kwargs": {"q": 0.5}}  # fmt: skip
    with pytest.raises(SpaceError, match="cannot be read back"):
        cs.from_dict(lost)
    for broken in ({}, {"domain_cls": "Float"}, {"domain_cls": "Float", "domain_kwargs": 3}, {"domain_cls": "os"}):
        with pytest.raises(SpaceError):
            cs.from_dict(broken)


def test_a_whole_config_space_comes_back_with_its_constants() -> None:
    space = {"x": cs.uniform(0, 1), "n": 512, "name": "uniform(0, 1)", "layers": [8, 4], "deep": {"a": 1}}
    assert cs.config_space_from_json_dict(json.loads(json.dumps(cs.config_space_to_json_dict(space)))) == space


def test_quantised_ints_are_the_multiples_within_the_bounds() -> None:
    assert [cs.qrandint(1, 10, 4).nth(k) for k in range(2)] == [4, 8]
    assert str(cs.qlograndint(10, 70, 32)) == "qlograndint(32, 64, 32)"
    with pytest.raises(SpaceError, match="no multiple of 16 between"):
        cs.qrandint(1, 10, 16)
    for wrong in (lambda: cs.quniform(0.1, 1.0, 0.25), lambda: cs.qrandint(1, 10, 0), lambda: cs.quniform(0, 1, 0)):
        with pytest.raises(SpaceError):
            wrong()


def test_an_ordinal_of_rising_numbers_goes_by_their_values_and_others_by_equal_steps() -> None:
    kinds = [cs.ordinal(values).kind for values in ([1, 2, 8], [8, 1], ["a", "b"], [0.5])]
    assert kinds == ["value", "equal", "equal", "equal"]
    with pytest.raises(SpaceError, match="kind must be one of"):
        cs.ordinal([1, 2], kind="log")


@pytest.mark.parametrize("name", ["sample_from", "qrandn", "restrict_domain", "cast_config_values"])
def test_what_there_is_not_is_refused_when_it_is_imported(name: str) -> None:
    with pytest.raises(ShoalError, match=f"{name} of Syne Tune has no counterpart in Shoal: .+"):
        getattr(importlib.import_module("shoal.dialects.syne_tune.config_space"), name)


def test_what_a_config_space_says_of_itself() -> None:
    space = {"lr": cs.loguniform(0.1, 1), "n": cs.randint(1, 4), "act": cs.choice(["a", "b"]), "epochs": 27}
    assert cs.non_constant_hyperparameter_keys(space) == ["lr", "n", "act"]
    assert cs.config_space_size(space) is None
    assert cs.config_space_size({name: space[name] for name in ("n", "act", "epochs")}) == 8
    assert [cs.is_log_space(space[name]) for name in ("lr", "n")] == [True, False]
    parser = argparse.ArgumentParser()
    cs.add_to_argparse(parser, space)
    args = parser.parse_args(["--lr", "0.5", "--n", "2", "--act", "b", "--epochs", "3"])
    assert vars(args) == {"lr": 0.5, "n": 2, "act": "b", "epochs": 3}


def test_shoal_s_own_domains_may_stand_in_a_config_space() -> None:
    space = {"momentum": shoal.uniform(0.0, 0.99).when(opt="sgd"), "opt": cs.choice(["sgd", "adam"])}
    with pytest.raises(SpaceError, match="no conditions"):
        cs.config_space_to_json_dict(space)
