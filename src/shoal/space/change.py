"""Joining a study with a space that differs from the one it began with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.errors import SpaceError
from shoal.space.choices import Categorical, Constant
from shoal.space.domain import MISSING, Domain
from shoal.space.space import Params, Space


def check_change(old: Space, new: Space) -> None:
    """Accept wider, narrower and rescaled ranges, more or fewer choices, constants for params and the other way round,
    and new names with a default. Raise SpaceError, with both definitions, for what makes old trials meaningless."""
    wrong = []
    for name in [*old.domains, *(name for name in new.domains if name not in old.domains)]:
        before, after = old.domains.get(name), new.domains.get(name)
        problem = _problem(name, before, after)
        if problem:
            wrong.append(
                f"{name}: {problem}\n    before: {before or '(not there)'}\n    now:    {after or '(not there)'}"
            )
    if wrong:
        raise SpaceError("the study cannot go on with this space:\n  " + "\n  ".join(wrong))


def _problem(name: str, before: Domain | None, after: Domain | None) -> str:
    if after is None:
        if isinstance(before, Constant):
            return ""
        return f"its trials were run with it; keep it, or fix it to a constant, as in {name}={_example(before)}"
    if before is None:
        if isinstance(after, Constant) or after.extras.default is not MISSING:
            return ""
        return "trials so far ran without it; say which value they had, as in default=" + repr(_example(after))
    if before.extras.when != after.extras.when:
        return "its condition changed"
    if isinstance(before, Constant):
        return "" if _contains(after, before.value(0.0)) or isinstance(after, Constant) else "the constant lies outside"
    if isinstance(after, Constant):
        return "" if _contains(before, after.value(0.0)) else "the constant was never searched"
    if isinstance(before, Categorical) and isinstance(after, Categorical):
        shared = any(_contains(after, value) for value in before.choices)
        return "" if shared else "no choice is left of those that were tried"
    if before.numeric and after.numeric and not (isinstance(before, Categorical) or isinstance(after, Categorical)):
        return ""
    if isinstance(before, Categorical) and any(_contains(after, value) for value in before.choices):
        return ""
    if isinstance(after, Categorical) and any(_contains(before, value) for value in after.choices):
        return ""
    return "it became another kind of param"


def _example(domain: Domain | None) -> Any:
    return domain.at(0.5) if domain is not None else None


def _contains(domain: Domain, value: Any) -> bool:
    try:
        domain.check(value)
    except SpaceError:
        return False
    return True


def adapt(params: Mapping[str, Any], space: Space) -> Params | None:
    """Params of an earlier space as params of this one: new names at their defaults, dropped constants left out.

    None where the params do not lie in this space; such a trial is kept, but searches do not see it.
    """
    known = {name: value for name, value in params.items() if name in space.domains}
    for name, domain in space._order:
        if name not in known and domain.extras.default is not MISSING and space.active(name, known):
            known[name] = domain.extras.default
    try:
        return space.validate(known)
    except SpaceError:
        return None
