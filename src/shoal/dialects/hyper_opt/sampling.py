"""Samplers by Optuna's names, as searches of Shoal. An option that has no counterpart is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shoal.catalog import SEARCHES
from shoal.dialects.hyper_opt.parameters import Parameter, narrowed
from shoal.errors import StudyError, unknown

TAKEN: dict[str, tuple[str, dict[str, str]]] = {  # Optuna's option -> the setting of Shoal's search
    "TPESampler": ("tpe", {"n_startup_trials": "design", "n_ei_candidates": "candidates"}),
    "RandomSampler": ("random", {}),
    "GridSampler": ("grid", {}),
    "BruteForceSampler": ("grid", {}),
    "QMCSampler": ("sobol", {}),
    "CmaEsSampler": ("cmaes", {"sigma0": "sigma", "popsize": "population", "use_separable_cma": "separable"}),
    "GPSampler": ("gp", {}),
    "NSGAIISampler": (
        "genetic", {"population_size": "pop_size", "mutation_prob": "mutation", "crossover_prob": "crossover"}
    ),
    "PartialFixedSampler": ("auto", {}),
}  # fmt: skip
MEANT: dict[str, dict[str, Any]] = {  # options whose only value that Shoal can do is what it does anyway
    "TPESampler": {"multivariate": True, "constant_liar": True, "group": True},
    "QMCSampler": {"qmc_type": "sobol", "scramble": True},
    "CmaEsSampler": {"restart_strategy": "bipop", "with_margin": True},
}
SEVERAL = {"TPESampler", "NSGAIISampler", "PartialFixedSampler"}  # that steer by several metrics


@dataclass(frozen=True)
class Sampling:
    """Fields of `shoal.tune`, the parameters as the sampler leaves them, and what was translated, in words."""

    fields: dict[str, Any]
    parameters: list[Parameter]
    notes: list[str] = field(default_factory=list)


def sampling(given: Mapping[str, Any] | None, parameters: list[Parameter], others: Mapping[str, str]) -> Sampling:
    """What ``sampler:`` asks for; ``others`` are the metrics beside the first. Raises StudyError for the unknown."""
    if given is None:
        if others:
            return Sampling(_pareto({}, others), parameters, ["no sampler is given: Shoal's pareto"])
        return Sampling({}, parameters, ["no sampler is given: Shoal's own choice, auto"])
    options = dict(given)
    type_ = options.pop("type", None)
    if type_ in SEARCHES:
        fields = {"search": type_, "settings": options}
        return Sampling(fields, parameters)
    if type_ not in TAKEN:
        raise StudyError(f"sampler: {unknown('sampler', type_, (*TAKEN, *SEARCHES))}")
    if others and type_ not in (*SEVERAL, "RandomSampler", "GridSampler", "BruteForceSampler", "QMCSampler"):
        raise StudyError(f"sampler: {type_} cannot steer by several metrics; {', '.join(sorted(SEVERAL))} can")
    return _optunas(type_, options, parameters, others)


def _optunas(type_: str, options: dict[str, Any], parameters: list[Parameter], others: Mapping[str, str]) -> Sampling:
    search, taken = TAKEN[type_]
    fields: dict[str, Any] = {}
    seed = options.pop("seed", None)
    if seed is not None:
        fields["seed"] = seed
    if type_ == "GridSampler":
        parameters = _grid(options.pop("search_space", None), parameters)
    if type_ == "PartialFixedSampler":
        return _fixed(options, parameters, others, fields)
    several = bool(others) and type_ in SEVERAL
    settings: dict[str, Any] = {}
    for option, value in options.items():
        meant = MEANT.get(type_, {})
        if option in meant and value == meant[option]:
            continue
        if option not in taken or (several and type_ != "TPESampler"):
            said = f"; Shoal's {search} does {option}={meant[option]!r}" if option in meant else ""
            known = ", ".join([*taken, *meant, "seed"])
            raise StudyError(
                f"sampler: {type_}: {option}={value!r} has no counterpart in Shoal{said}. Known are: {known}"
            )
        if value is not None:
            settings[taken[option]] = value
    if several:
        return Sampling(
            {**fields, **_pareto(settings, others)}, parameters, [f"{type_} with several metrics: Shoal's pareto"]
        )
    return Sampling({**fields, "search": search, "settings": settings}, parameters, [f"{type_}: Shoal's {search}"])


def _pareto(settings: Mapping[str, Any], others: Mapping[str, str]) -> dict[str, Any]:
    return {"search": "pareto", "settings": {**settings, "others": dict(others)}}


def _grid(values: Any, parameters: list[Parameter]) -> list[Parameter]:
    if not isinstance(values, Mapping):
        raise StudyError(
            "sampler: GridSampler needs search_space: the values of each parameter, as in {lr: [0.1, 0.01]}"
        )
    named = by_any_name(values, parameters, "sampler: search_space")
    missing = [one.name for one in parameters if one.name not in named]
    if missing:
        raise StudyError(f"sampler: search_space: the values of {', '.join(missing)} are missing")
    return [narrowed(one, list(named[one.name])) for one in parameters]


def _fixed(
    options: dict[str, Any], parameters: list[Parameter], others: Mapping[str, str], fields: dict[str, Any]
) -> Sampling:
    fixed, base = options.pop("fixed_params", None), options.pop("base_sampler", None)
    if options or not isinstance(fixed, Mapping) or not isinstance(base, Mapping | None):
        raise StudyError(
            "sampler: PartialFixedSampler needs fixed_params: {name: value}, and may have base_sampler: {type: …}; "
            f"got {options or fixed!r}"
        )
    named = by_any_name(fixed, parameters, "sampler: fixed_params")
    inner = sampling(base, [narrowed(p, named[p.name]) if p.name in named else p for p in parameters], others)
    return Sampling({**inner.fields, **fields}, inner.parameters, ["fixed parameters are constants", *inner.notes])


def by_any_name(given: Mapping[str, Any], parameters: list[Parameter], where: str) -> dict[str, Any]:
    """A mapping by the names of parameters, which may be written as their keys, or as the last part of those."""
    found = {}
    for word, value in given.items():
        fitting = [p.name for p in parameters if p.name == word] or [p.name for p in parameters if p.key == word]
        fitting = fitting or [p.name for p in parameters if p.key.split(":")[-1] == word]
        if len(set(fitting)) != 1:
            raise StudyError(f"{where}: {unknown('parameter', word, [p.name for p in parameters])}")
        found[fitting[0]] = value
    return found
