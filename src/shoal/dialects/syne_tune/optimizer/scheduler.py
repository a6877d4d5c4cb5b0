"""A scheduler of Syne Tune as what it asks of a study: a search, a stopping rule, a budget, a metric and a goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from shoal.dialects.syne_tune.config_space import as_constant
from shoal.dialects.syne_tune.optimizer.metrics import metrics_of, mode_of
from shoal.dialects.syne_tune.optimizer.options import Options
from shoal.dialects.syne_tune.refusals import only, refused
from shoal.errors import StudyError
from shoal.records import Budget
from shoal.space import Space
from shoal.space.domain import Domain

DESIGNED = ("gp", "tpe", "forest", "pareto")  # searches with a setting for how many trials come before the model
KINDS = {"stopping": "asha", "promotion": "asha-promote", "pasha": "pasha", "legacy_dyhpo": "freeze", "dyhpo": "freeze"}
BY_NAME = {  # their searchers
    "random": "random", "random_search": "random", "grid": "grid", "bayesopt": "gp", "botorch": "gp",
    "legacy_hypertune": "gp", "hypertune": "gp", "legacy_dyhpo": "gp", "dyhpo": "gp", "kde": "tpe", "tpe": "tpe",
    "bore": "forest", "cqr": "forest", "regularized_evolution": "evolution", "rea": "evolution",
}  # fmt: skip
STEERED = ("pareto", "asha-pareto")  # what looks at several metrics
FOREST = {"bore": {"acquisition": "EI"}, "cqr": {"acquisition": "qLCB"}}


@dataclass(frozen=True)
class Plan:
    """What a scheduler becomes. ``options`` and ``rule_options`` say which of its options are which settings.

    The search is None where the option ``searcher`` names it. ``kinds``: whether ``type`` chooses the rule. ``most``
    is max_t where nothing is said. ``several``: whether it takes more than one metric.
    """

    search: str | None = "random"
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)
    rule: str | None = None
    rule_settings: Mapping[str, Any] = field(default_factory=dict)
    rule_options: Mapping[str, str] = field(default_factory=dict)
    kinds: bool = False
    most: float | None = None
    several: bool = False


class Scheduler:
    """What all schedulers take; each is this with a `Plan` of its own.

    ``metric`` is a name, or a list; the goal is ``mode`` ("min", "max", or a list) or ``do_minimize``. Those that stop
    or pause trials need ``time_attr`` (``resource_attr``), what counts along a trial, and ``max_t``, or
    ``max_resource_attr``, which names it in the config space. Raises StudyError for what Shoal does not have.
    """

    plan: ClassVar[Plan] = Plan()

    def __init__(self, config_space: Mapping[str, Any], metric: Any = None, *args: Any, **options: Any) -> None:
        given = Options(type(self).__name__, options)
        first = ("time_attr", "max_t") if self.plan.rule and not self.plan.several else ("do_minimize", "random_seed")
        given.place(args, first)
        self.config_space = dict(config_space)
        self.space = Space({name: as_constant(value) for name, value in config_space.items()})
        self.metrics = metrics_of(given, metric, self.plan.several)
        self.metric, self.goal = next(iter(self.metrics.items()))
        self.seed: int | None = given.take("random_seed")
        self.start = [_whole(point, self.config_space) for point in given.take("points_to_evaluate") or ()]
        self.search, self.settings = self._search(given)
        self.stopping: str | None = None
        self.stopping_settings: dict[str, Any] = {}
        self.budget: Budget | None = None
        if self.plan.rule is not None:
            self._rule(given, self.plan.rule)
        given.finish()
        others = {name: goal for name, goal in self.metrics.items() if name != self.metric}
        for name, settings in ((self.search, self.settings), (self.stopping, self.stopping_settings)):
            if name in STEERED:
                settings["others"] = others

    def _search(self, given: Options) -> tuple[str, dict[str, Any]]:
        settings = {**self.plan.settings, **given.renamed(self.plan.options)}
        search = self.plan.search
        if search is None:
            named = given.take("searcher", "random")
            if not isinstance(named, str) or named not in BY_NAME:
                raise refused(f"searcher={named!r:.100}", f"use one of {', '.join(BY_NAME)}")
            search, settings = BY_NAME[named], {**FOREST.get(named, {}), **settings}
        told = dict(given.take("search_options") or given.take("searcher_kwargs") or {})
        given.take("searcher_kwargs")
        only("allow_duplicates", told.pop("allow_duplicates", False), (False,), "Shoal tries nothing twice")
        told.pop("debug_log", None)  # what it would print, `shoal why` tells
        if "num_init_random" in told and search in DESIGNED:
            settings["design"] = told.pop("num_init_random")
        if told:
            raise refused(
                f"{given.of}(search_options={told!r:.200})",
                f"leave it out; Shoal's search {search!r} has settings of its own (docs/searches.md)",
            )
        return search, settings

    def _rule(self, given: Options, rule: str) -> None:
        if self.plan.kinds:
            kind = given.take("type", "stopping")
            if kind not in KINDS:
                raise refused(f"type={kind!r}", f"use one of {', '.join(KINDS)}")
            rule = KINDS[kind]
        self.stopping = rule
        self.stopping_settings = {**self.plan.rule_settings, **given.renamed(self.plan.rule_options)}
        brackets = given.take("brackets", 1)
        if brackets != 1 and rule != "asha":
            raise refused(
                f"{given.of}(brackets={brackets!r})",
                "trials that are paused are in one bracket, or with SyncHyperband in all there are",
            )
        if brackets != 1:
            self.stopping_settings["brackets"] = brackets
        if (eta := given.take("reduction_factor")) is not None:
            self.stopping_settings["eta"] = eta
        only("searcher_data", given.take("searcher_data", "rungs"), ("rungs",), "searches learn from every rung")
        most = _most(given, self.config_space, self.plan.most)
        self.budget = Budget(_counted(given), given.take("grace_period", 1), most)

    def metric_names(self) -> list[str]:
        return list(self.metrics)

    def metric_mode(self) -> str | list[str]:
        return mode_of(list(self.metrics.values()))

    def __str__(self) -> str:
        """What became of it, in words."""
        settings = "".join(f", {name} {value}" for name, value in self.settings.items())
        text = f"{type(self).__name__} is Shoal's search {self.search!r}{settings}"
        if self.stopping is not None:
            settings = "".join(f", {name} {value}" for name, value in self.stopping_settings.items())
            text += f" with the rule {self.stopping!r}{settings}"
        if self.budget is not None:
            text += f", budget {self.budget.name} {self.budget.least:g} to {self.budget.most:g}"
        return text


def _whole(point: Mapping[str, Any], config_space: Mapping[str, Any]) -> dict[str, Any]:
    """A starting point with what is missing in the middle of its domain, at its first category, or constant."""
    missing = {name: domain for name, domain in config_space.items() if name not in point}
    middles = {
        name: (domain.at(0.5) if domain.numeric else domain.nth(0)) if isinstance(domain, Domain) else domain
        for name, domain in missing.items()
    }
    return {**point, **middles}


def _counted(given: Options) -> str:
    name: Any = given.take("time_attr") or given.take("resource_attr") or "epoch"
    given.take("resource_attr")
    if not isinstance(name, str):
        raise StudyError(f"{given.of}: time_attr names what the script counts, such as 'epoch'; got {name!r:.100}")
    return name


def _most(given: Options, config_space: Mapping[str, Any], default: float | None) -> float:
    most, name = given.take("max_t"), given.take("max_resource_attr")
    if most is None:
        most = default if name is None else config_space.get(name)
    if isinstance(most, bool) or not isinstance(most, (int, float)):
        raise StudyError(
            f"{given.of} needs max_t, how many epochs (or what else is counted) a whole trial has, as in max_t=81; "
            f"or max_resource_attr, the name of the constant of the config space that says it; got "
            f"max_t={most!r:.100}, max_resource_attr={name!r:.100}"
        )
    return most
