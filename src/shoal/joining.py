"""Creating a study, or joining one that is there: what may change, and what may not."""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import msgspec
import numpy as np

from shoal import catalog
from shoal.contracts import Clock, Stopping, Store
from shoal.errors import SpaceError, StudyError, misfit, unknown
from shoal.files import fresh
from shoal.journal import Journal
from shoal.moves import follow
from shoal.records import Budget, Defined, Definition
from shoal.space import Space, check_change
from shoal.stores.memory import MemoryStore
from shoal.vitals import living

SETTINGS_OF = MappingProxyType({"search": "settings", "stopping": "stopping_settings"})
FIXED = ("metric", "goal", "start", "budget", "islands")  # what a study keeps from its beginning


class _Taken(StudyError):
    """Another study of that name was begun just now."""


def join(store: Store, name: str, writer: str, clock: Clock, given: Mapping[str, Any],
         new_only: Mapping[str, Any] = MappingProxyType({}), alone: bool = False) -> Journal:  # fmt: skip
    """The journal of the study of that name, created if need be and redefined where ``given`` says otherwise.

    ``new_only`` says what a study gets when it is created, and keeps; ``alone``: it is to be created, not joined.

    Raises StudyError or SpaceError where the study that is there cannot go on as asked.
    """
    check_name(name)
    if name not in store.studies():
        if "space" not in given:
            raise StudyError(
                f"study {name!r} needs a space, what is to be searched: space={{'lr': shoal.loguniform(1e-5, 1)}}; "
                "on the command line -p 'lr=loguniform(1e-5, 1)', or --space FILE"
            )
        plan = _check(_convert({"seed": secrets.randbits(32), **new_only, **given, "name": name}))
        first = fresh(plan, store.url, noted=not isinstance(store, MemoryStore))
        if store.create(name, Defined(1, first, clock.now())):
            return Journal(store, name, writer, clock)
    if alone:
        raise _Taken(f"study {name!r} was begun by another just now")
    journal = Journal(store, name, writer, clock)
    journal.changes = follow(journal, clock)
    old = journal.history.definition
    kept = msgspec.to_builtins(old)
    for which, its_settings in SETTINGS_OF.items():
        if given.get(which, getattr(old, which)) != getattr(old, which):
            kept[its_settings] = {}  # they were another's
    new = _check(_convert({**kept, **given, "name": name}))
    if new != old:
        if journal.history.length or living(store, name):  # else nothing was begun that could not go on
            _check_same(old, new)
            check_change(Space.from_json(old.space), Space.from_json(new.space))
        journal.append(Defined(journal.history.version + 1, new, clock.now()))
        journal.reload()
        journal.changes += _changes(old, new)
    return journal


def _changes(old: Definition, new: Definition) -> list[str]:
    """What is different from now on, each as a user would say it."""
    before, now = (msgspec.structs.asdict(plan) for plan in (old, new))
    fields = (
        "metric",
        "goal",
        "start",
        "islands",
        "objective",
        "search",
        "settings",
        "stopping",
        "stopping_settings",
        "budget",
        "seed",
        "trials",
        "done",
        "target",
        "patience",
        "trial_timeout",
    )
    changes = [f"{name} {before[name]} → {now[name]}" for name in fields if before[name] != now[name]]
    domains, wanted = old.space["domains"], new.space["domains"]
    names = [name for name in {**domains, **wanted} if domains.get(name) != wanted.get(name)]
    if old.space.get("where") != new.space.get("where"):
        changes.append(f"where {old.space.get('where') or '(none)'} → {new.space.get('where') or '(none)'}")
    return changes + [f"{name} {domains.get(name, '(not there)')} → {wanted.get(name, '(dropped)')}" for name in names]


def go_on(journal: Journal, clock: Clock) -> None:
    """Let a study that was stopped, or that ended with failures alone, begin new trials again."""
    history = journal.history
    plan, order = history.definition, history.order
    if order is not None and order.order != "go":
        journal.append(history.next_order("go", "", clock.now()))
    if history.doomed:
        more = msgspec.structs.replace(plan, max_failures=history.ended + (plan.max_failures or 0))
        journal.append(Defined(history.version + 1, more, clock.now()))
        journal.reload()
    journal.flush()


def unused_name(store: Store, stem: str) -> str:
    """``stem-1``, or the first number that is free."""
    taken = set(store.studies())
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"


def join_unused(store: Store, stem: str, writer: str, clock: Clock, given: Mapping[str, Any],
                new_only: Mapping[str, Any] = MappingProxyType({})) -> Journal:  # fmt: skip
    """A study that was given no name, and that no one else has begun: as `join`, with the first name that is free."""
    while True:
        with suppress(_Taken):
            return join(store, unused_name(store, stem), writer, clock, given, new_only, alone=True)


def check_name(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 100:
        raise StudyError(f"the name of a study must be printable text of at most 100 characters, got {name!r:.120}")
    if name.startswith("-"):
        raise StudyError(
            f"the name of a study does not start with '-', which commands take for an option; got {name!r}"
        )
    if name != name.strip():  # which MySQL takes for the name without
        raise StudyError(f"the name of a study begins and ends with no blank; {name.strip()!r} would do for {name!r}")
    return name


def _convert(fields: Mapping[str, Any]) -> Definition:
    if fields.get("goal", "minimize") not in ("minimize", "maximize"):
        raise StudyError(unknown("goal", fields["goal"], ("minimize", "maximize")))
    try:
        return msgspec.convert(dict(fields), Definition)
    except msgspec.ValidationError as error:
        raise StudyError(f"study {fields['name']!r}, {misfit(error)}") from None


def _check(plan: Definition) -> Definition:
    """Refuse what no study can be."""
    space = Space.from_json(plan.space)
    if ":" not in plan.search:  # else it is an object of the user's own
        catalog.search(plan.search, plan.settings)
    if plan.islands is not None and ":" not in plan.search:
        catalog.search_of(plan)
    if plan.stopping_settings and catalog.stopping_name(plan) == "none":
        raise StudyError("stopping_settings are given, but no stopping rule that they could be of")
    if ":" not in plan.stopping:
        rule = catalog.stopping_of(plan)
        if plan.budget is None and getattr(rule, "needs_budget", False):
            raise StudyError(
                f"stopping {plan.stopping!r} needs a budget, how much of a trial is run at least and at most: "
                "budget=shoal.Budget('epoch', 1, 27); on the command line --budget epoch:1:27"
            )
        _check_grace(rule, plan.budget)
    _check_finite([*plan.settings.items(), *plan.stopping_settings.items()])
    for name in ("trials", "done", "patience", "max_failures", "trial_timeout"):
        value = getattr(plan, name)
        if value is not None and value <= 0:
            raise StudyError(f"{name} must be above 0 (or None for no limit), got {value!r}")
    if plan.target is not None and not math.isfinite(plan.target):
        raise StudyError(f"target must be a finite number, got {plan.target!r}")
    for name in ("retries", "keep_checkpoints"):
        if (value := getattr(plan, name)) is not None and value < 0:
            raise StudyError(f"{name} must be 0 or more, got {value!r}")
    if not plan.metric.strip():
        raise StudyError(f"metric must be the name of what is optimised, such as loss; got {plan.metric!r}")
    if plan.metric in space.domains:
        raise SpaceError(f"metric {plan.metric!r} has the name of a param; rename one of them")
    for point in plan.start:
        space.complete(point, np.random.default_rng(0))
    return plan


def _check_finite(settings: Iterable[tuple[str, Any]]) -> None:
    """Refuse what no journal can hold, and what would come back from there as nothing."""
    for name, value in settings:
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise StudyError(f"setting {name!r} must be finite, got {value!r:.100}; choose a large number") from None


def _check_grace(rule: Stopping | None, budget: Budget | None) -> None:
    """Refuse a first rung where trials end: the rule would never stop or pause one."""
    inner = getattr(rule, "settings", {})  # of the rule that `patient` waits for
    grace = getattr(rule, "grace", inner.get("grace"))
    if budget is not None and grace is not None and grace >= budget.most and grace > budget.least:
        raise StudyError(
            f"grace {grace:g} is not below the most of the budget, {budget.name} {budget.most:g}: no trial would ever "
            f"be stopped or paused; choose a smaller grace, or leave it out for {budget.least:g}"
        )


def _check_same(old: Definition, new: Definition) -> None:
    for name in FIXED if old.islands is None else (*FIXED, "seed"):  # by which trials were given to islands
        before, now = getattr(old, name), getattr(new, name)
        if before != now:
            raise StudyError(
                f"study {old.name!r} was begun with {name}={before!r} and cannot go on with {name}={now!r}; "
                "give the new study another name"
            )
