"""What there is, by name: imported when asked for, so that nothing costs what it is not used for."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import os
import runpy
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from shoal.contracts import Clock, Objective, Resuming, Search, Stopping, Store
from shoal.errors import ObjectiveError, ShoalError, StoreError, StudyError, misfit, unknown
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import Definition

MEMORY: Final = "memory://"  # the URL of a store in memory
T = TypeVar("T")

SEARCHES: Final[Mapping[str, str]] = {
    "auto": "shoal.search.auto:Auto",
    "random": "shoal.search.random:Random",
    "sobol": "shoal.search.sobol:Sobol",
    "grid": "shoal.search.grid:Grid",
    "genetic": "shoal.search.genetic:Genetic",
    "latin": "shoal.search.latin:Latin",
    "evolution": "shoal.search.evolution:Evolution",
    "de": "shoal.search.de:DE",
    "cmaes": "shoal.search.cmaes:CMAES",
    "pso": "shoal.search.pso:PSO",
    "nelder_mead": "shoal.search.nelder_mead:NelderMead",
    "tpe": "shoal.search.tpe:TPE",
    "forest": "shoal.search.forest:ForestSearch",
    "gp": "shoal.search.gp:GP",
    "pareto": "shoal.search.pareto:Pareto",
}


STOPPINGS: Final[Mapping[str, str]] = {
    "auto": "shoal.stopping.auto:Auto",
    "asha": "shoal.stopping.asha:ASHA",
    "asha-pareto": "shoal.stopping.pareto:ParetoASHA",
    "asha-promote": "shoal.stopping.promotion:Promotion",
    "hyperband": "shoal.stopping.hyperband:Hyperband",
    "pasha": "shoal.stopping.pasha:PASHA",
    "median": "shoal.stopping.percentile:Median",
    "percentile": "shoal.stopping.percentile:Percentile",
    "threshold": "shoal.stopping.threshold:Threshold",
    "patient": "shoal.stopping.patient:Patient",
    "plateau": "shoal.stopping.plateau:Plateau",
    "baseline": "shoal.stopping.baseline:Baseline",
    "forecast": "shoal.stopping.forecast:Forecast",
    "extrapolate": "shoal.stopping.extrapolate:Extrapolate",
    "pbt": "shoal.stopping.pbt:PBT",
    "freeze": "shoal.stopping.freeze:Freeze",
}


def search(name: str, settings: Mapping[str, Any] | None = None) -> Search:
    """A search by name, with its settings. Raises StudyError for a name or a setting that there is not."""
    return _made("search", SEARCHES, name, settings)  # type: ignore[no-any-return]


def stopping(name: str, settings: Mapping[str, Any] | None = None) -> Stopping | None:
    """A stopping rule by name, as `search`; None for "none"."""
    if name == "none":
        return None
    rule = _made("stopping rule", STOPPINGS, name, settings, also=("none",))
    if hasattr(rule, "wrap"):
        inner = stopping(rule.rule, rule.settings)
        if inner is None or isinstance(inner, Resuming):
            raise StudyError(
                f"stopping rule {name!r}: it cannot wait for {rule.rule!r}, which stops no trial by itself"
            )
        rule.wrap(inner)
    return rule  # type: ignore[no-any-return]


def _made(
    what: str, catalog: Mapping[str, str], name: str, settings: Mapping[str, Any] | None, also: Iterable[str] = ()
) -> Any:
    if name not in catalog:
        raise StudyError(unknown(what, name, [*catalog, *also]))
    kind = _load(catalog[name])
    known = [field.name for field in dataclasses.fields(kind)] if dataclasses.is_dataclass(kind) else []
    for setting in settings or {}:
        if setting not in known:
            raise StudyError(
                unknown(f"setting of {name}", setting, known) if known else f"{name} has no settings, got {setting!r}"
            )
    if not settings:
        return kind()
    try:
        return msgspec.convert(dict(settings), kind)
    except msgspec.ValidationError as error:
        raise StudyError(f"{what} {name!r}, setting {misfit(error)}") from None
    except ShoalError as error:
        raise StudyError(f"{what} {name!r}: {error}") from None


def search_of(definition: Definition, own: Search | None = None) -> Search:
    """The search that a study asks for, or the user's ``own``; on islands, one for each."""
    plan = definition.islands
    if plan is None:
        return own or search(definition.search, definition.settings)
    searches: list[Search] = []
    for island in range(plan.count):
        if plan.searches:
            asked = plan.searches[island]
            searches.append(search(*((asked,) if isinstance(asked, str) else asked)))
        else:
            searches.append(copy.deepcopy(own) if own else search(definition.search, definition.settings))
    return _load("shoal.search.archipelago:Archipelago")(plan, searches)  # type: ignore[no-any-return]


def stopping_of(definition: Definition) -> Stopping | None:
    """The stopping rule that a study asks for; with a budget, the default is ``auto``."""
    return stopping(stopping_name(definition), definition.stopping_settings)


def stopping_name(definition: Definition) -> str:
    return definition.stopping or ("none" if definition.budget is None else "auto")


def thinker(search: Search | None, rule: Stopping | None, clock: Clock) -> Callable[[History], Proposer]:
    """How a peer's thoughts are made: what a study asks for by name, or objects of the user's own."""

    def think(history: History) -> Proposer:
        plan = history.definition
        return Proposer(history, search_of(plan, _apart(search)), _apart(rule) or stopping_of(plan), clock)

    return think


def _apart(given: T) -> T:
    """One of Shoal's own searches or rules as a copy, so that several studies may be given the same."""
    return copy.deepcopy(given) if type(given).__module__.startswith(("shoal.search.", "shoal.stopping.")) else given


def store(url: str, create: bool = True, known: bool = False) -> Store:
    """A store by its URL, or by the path of an SQLite file. A server that is ``known`` to have been there may be away
    for a while."""
    if full_url(url) == MEMORY:
        return _load("shoal.stores.memory:MemoryStore")()  # type: ignore[no-any-return]
    if not url:
        raise StoreError("the store has no name; write sqlite:///study.db")
    if url.startswith("dir:"):
        return _load("shoal.stores.folder:FolderStore")(full_url(url), create)  # type: ignore[no-any-return]
    if url.startswith("ray:"):
        return _load("shoal.stores.ray:RayStore")(full_url(url).removeprefix("ray:"))  # type: ignore[no-any-return]
    return _load("shoal.stores.sql:SqlStore")(full_url(url), create, known)  # type: ignore[no-any-return]


def full_url(url: str) -> str:
    """A store's URL with an absolute path: peers may start in other directories."""
    if url in ("memory", "memory:", MEMORY, ":memory:", "sqlite://", "sqlite:///:memory:"):  # the last three of SQLite
        return MEMORY
    if url.startswith("ray:"):
        return f"ray:{full_url(url.removeprefix('ray:'))}"
    if url.startswith("dir:"):
        return f"dir:{os.path.abspath(os.path.expanduser(url.removeprefix('dir:')))}"
    path = url if "://" not in url else url.removeprefix("sqlite:///") if url.startswith("sqlite:///") else None
    return url if path is None else f"sqlite:///{os.path.abspath(os.path.expanduser(path))}"


def objective(target: Any, preload: bool = True, scratch: str | None = None, grace: float = 30.0) -> Objective:
    """An objective from a function, a class, ``package.module:function``, ``file.py:function``, or a command."""
    if isinstance(target, str) and is_reference(target):
        target = load_reference(target)
    if isinstance(target, (str, list, tuple)):
        return _load("shoal.objectives.script:ScriptObjective")(target, preload, scratch, grace)  # type: ignore[no-any-return]
    if inspect.isclass(target):
        return _load("shoal.objectives.trainable:TrainableObjective")(target)  # type: ignore[no-any-return]
    if callable(target):
        return _load("shoal.objectives.function:FunctionObjective")(target)  # type: ignore[no-any-return]
    raise ObjectiveError(
        f"an objective is a function, a class or a command, got {target!r:.200} ({type(target).__name__})"
    )


def is_reference(text: str) -> bool:
    """Whether a text names a Python object, as ``package.module:name`` or ``file.py:name`` do."""
    module, colon, name = text.rpartition(":")
    plain = module.removesuffix(".py").replace(os.sep, ".").replace("-", "_").strip(".")
    return bool(colon) and name.isidentifier() and " " not in text.strip() and bool(plain)


def load_reference(text: str) -> Any:
    """The object that ``package.module:name`` or ``file.py:name`` names. Raises ObjectiveError where there is none."""
    module, _, name = text.rpartition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    if module.endswith(".py"):
        if not os.path.isfile(module):
            raise ObjectiveError(f"{text}: there is no file {module!r} in {os.getcwd()}")
        folder = os.path.dirname(os.path.abspath(module))
        if folder not in sys.path:
            sys.path.insert(0, folder)
    target = _import(text, module).get(name)
    if target is None:
        raise ObjectiveError(f"{text}: {module} has no {name!r}")
    return target


def _import(text: str, module: str) -> Mapping[str, Any]:
    try:
        if module.endswith(".py"):
            return runpy.run_path(module, run_name="shoal_target")
        return vars(importlib.import_module(module))
    except ModuleNotFoundError as error:
        where = "" if error.name == module else f", which {module} imports; is it installed?"
        raise ObjectiveError(f"{text}: there is no module {error.name!r} (seen from {os.getcwd()}){where}") from None
    except SystemExit as error:
        raise ObjectiveError(
            f"{text}: importing {module} ended the process ({error.code!r}), as scripts do that read their arguments; "
            f"to run it as a script, give {module} alone"
        ) from None


def _load(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
