"""Domains as the dicts that Syne Tune writes, and back. Its own do not come back where they are quantised or on a
reversed log scale; these do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shoal.errors import SpaceError
from shoal.space import constructors as words
from shoal.space.choices import Categorical, Ordinal
from shoal.space.domain import MISSING, Domain
from shoal.space.numbers import Float, Grid, Normal

_SAMPLERS = {"linear": "Uniform", "log": "LogUniform", "reverselog": "ReverseLogUniform"}
_SCALES = {sampler: scale for scale, sampler in _SAMPLERS.items()}
_BASE = {"LogUniform": {"base": math.e}}
_WORDS = {  # (class, scale, quantised) -> Shoal's word
    ("Float", "linear", False): words.uniform, ("Float", "log", False): words.loguniform,
    ("Float", "reverselog", False): words.reverseloguniform, ("Float", "linear", True): words.quniform,
    ("Float", "log", True): words.qloguniform, ("Float", "reverselog", True): words.qreverseloguniform,
    ("Integer", "linear", False): words.randint, ("Integer", "log", False): words.lograndint,
    ("Integer", "linear", True): words.qrandint, ("Integer", "log", True): words.qlograndint,
}  # fmt: skip


def to_dict(domain: Domain) -> dict[str, Any]:
    """A domain as plain JSON: ``{"domain_cls": "Float", "domain_kwargs": {"lower": …}, "sampler_cls": "LogUniform"}``.

    >>> from_dict(to_dict(words.qlograndint(8, 256, 8)))
    qlograndint(8, 256, 8)
    """
    if not isinstance(domain, Domain):
        raise SpaceError(f"to_dict needs a domain, got {domain!r:.100} ({type(domain).__name__})")
    if domain.extras.when or domain.extras.default is not MISSING:
        raise SpaceError(f"{domain}: Syne Tune's form has no conditions and no defaults; use Space.to_json()")
    if isinstance(domain, (Float, Grid)):
        sampler = _SAMPLERS[domain.scale]
        quantised = isinstance(domain, Grid) and domain.spell().startswith("q")
        kwargs = {"q": domain.step, "sampler_cls": sampler} if quantised else dict(_BASE.get(sampler, {}))  # type: ignore[union-attr]
        return {
            "domain_cls": "Integer" if isinstance(domain, Grid) and domain.integer else "Float",
            "domain_kwargs": {"lower": domain.low, "upper": domain.high},
            "sampler_cls": "Quantized" if quantised else sampler, "sampler_kwargs": kwargs,
        }  # fmt: skip
    if isinstance(domain, Normal) and math.isinf(domain.low) and math.isinf(domain.high):
        sampling = {"sampler_cls": "Normal", "sampler_kwargs": {"mean": domain.mu, "sd": domain.sigma}}
        return {"domain_cls": "Float", "domain_kwargs": {}, **sampling}
    if isinstance(domain, Ordinal) and domain.kind != "equal":
        ordered = {"categories": list(domain.choices), "log_scale": domain.kind == "log"}
        return {"domain_cls": "OrdinalNearestNeighbor", "domain_kwargs": ordered}
    if isinstance(domain, Categorical):
        name = "Ordinal" if isinstance(domain, Ordinal) else "Categorical"
        listed = {"categories": list(domain.choices)}
        return {"domain_cls": name, "domain_kwargs": listed, "sampler_cls": "Uniform", "sampler_kwargs": {}}
    raise SpaceError(f"{domain} has no form of Syne Tune; use Space.to_json()")


def from_dict(d: Mapping[str, Any]) -> Domain:
    """The way back from `to_dict`, also from what Syne Tune wrote. Raises SpaceError for what is no domain."""
    try:
        return _read(d["domain_cls"], dict(d["domain_kwargs"]), d.get("sampler_cls"), dict(d.get("sampler_kwargs", {})))
    except (KeyError, TypeError, ValueError) as error:
        raise SpaceError(f"{d!r:.300} is no domain of Syne Tune: {error!r}") from None


def _read(name: str, told: dict[str, Any], sampler: str | None, how: dict[str, Any]) -> Domain:
    if name == "FiniteRange":
        word = words.logfinrange if told["log_scale"] else words.finrange
        return word(told["lower"], told["upper"], told["size"], integer=told["cast_int"])
    if name == "OrdinalNearestNeighbor":
        return words.ordinal(told["categories"], "log" if told["log_scale"] else "value")
    if name in ("Ordinal", "Categorical"):
        return (words.ordinal if name == "Ordinal" else words.choice)(told["categories"])
    if name == "Float" and sampler == "Normal":
        return words.normal(how["mean"], how["sd"])
    step = [how["q"]] if sampler == "Quantized" else []
    word = _WORDS.get((name, _SCALES.get(how["sampler_cls"] if step else sampler or "Uniform", ""), bool(step)))  # type: ignore[assignment]
    if word is None:
        raise SpaceError(
            f"a {name} with the sampler {sampler!r} cannot be read back: Syne Tune does not write down how it was "
            "quantised; write the domain anew"
        )
    return word(told["lower"], told["upper"], *step)


def config_space_to_json_dict(config_space: Mapping[str, Any]) -> dict[str, Any]:
    """A config space as plain JSON; constants stay what they are."""
    return {name: to_dict(value) if isinstance(value, Domain) else value for name, value in config_space.items()}


def config_space_from_json_dict(config_space_dict: Mapping[str, Any]) -> dict[str, Any]:
    """The way back from `config_space_to_json_dict`; a dict that is no domain is a constant."""
    return {
        name: from_dict(value) if isinstance(value, dict) and "domain_cls" in value else value
        for name, value in config_space_dict.items()
    }
