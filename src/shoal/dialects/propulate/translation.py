"""From Propulate's propagators to Shoal's, and from individuals to members of a population and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shoal import catalog
from shoal.contracts import Search
from shoal.dialects.propulate.limits import Limits, space_of
from shoal.dialects.propulate.population import Individual
from shoal.errors import SpaceError
from shoal.search import propagators as native
from shoal.search.population import Member, Scene
from shoal.search.propagation import Propagation

if TYPE_CHECKING:
    from shoal.dialects.propulate.propagators import Propagator


@dataclass(frozen=True)
class Plan:
    """What a tree of propagators stands for: a search, its limits, and where it is to start."""

    search: Search
    limits: Limits
    start: dict[str, Any] | None


def plan_of(propagator: Propagator) -> Plan:
    """Raises SpaceError where no part of it has limits, or where parts do not go together."""
    from shoal.dialects.propulate.propagators import Propagator, Whole

    if not isinstance(propagator, Propagator):
        raise SpaceError(
            f"propagator must be a propagator, such as get_default_propagator(…) or a subclass of Propagator, made "
            f"already, got {propagator!r:.100}"
        )
    parts = list(_parts(propagator))
    limits = next((part.limits for part in parts if part.limits), None)
    if limits is None:
        raise SpaceError(
            f"{type(propagator).__name__} has no limits, so what may be searched is not known: "
            "set self.limits in a propagator of your own"
        )
    space_of(limits)  # which refuses what it cannot read
    wholes = [part for part in parts if isinstance(part, Whole)]
    if not wholes:
        return Plan(Propagation(native_of(propagator, limits)), limits, None)
    others = [part for part in parts if part.native is not None and not isinstance(part.native, native.UniformInit)]
    if len(wholes) > 1 or others:
        raise SpaceError(
            f"{type(wholes[0]).__name__} stands for a whole search, beside which only InitUniform may stand, not "
            f"{type((*wholes[1:], *others)[0]).__name__}; shoal.Islands gives each island a search of its own"
        )
    return Plan(catalog.search(wholes[0].search, wholes[0].settings), limits, wholes[0].start)


def _parts(propagator: Propagator) -> list[Propagator]:
    from shoal.dialects.propulate.propagators import Compose, Conditional

    if isinstance(propagator, Compose):
        return [found for part in propagator.propagators for found in _parts(part)]
    if isinstance(propagator, Conditional):
        return [*_parts(propagator.true_prop), *_parts(propagator.false_prop)]
    return [propagator]


def native_of(propagator: Propagator, limits: Limits) -> native.Propagator:
    from shoal.dialects.propulate.propagators import Compose, Conditional

    if isinstance(propagator, Compose):
        return native.Compose([native_of(part, limits) for part in propagator.propagators])
    if isinstance(propagator, Conditional):
        grown, small = native_of(propagator.true_prop, limits), native_of(propagator.false_prop, limits)
        return native.Conditional(propagator.pop_size, grown, small)
    return propagator.native if propagator.native is not None else Own(propagator, limits)


@dataclass(frozen=True)
class Own(native.Propagator):
    """A propagator of the user's own among Shoal's."""

    propagator: Propagator
    limits: Limits

    def __call__(self, members: Sequence[Member], scene: Scene) -> list[Member]:
        given = individuals_of(members, scene, self.limits, ())
        found = self.propagator(given)
        kept = {id(one): member for one, member in zip(given, members, strict=True)}
        made = [found] if isinstance(found, Individual) else list(found)
        return [kept.get(id(one)) or _member(one, type(self.propagator).__name__) for one in made]


def members_of(individuals: Sequence[Individual]) -> list[Member]:
    """Individuals as members, in their order; each knows its place by its ``why``."""
    return [_member(one, str(place)) for place, one in enumerate(individuals)]


def _member(one: Individual, why: str) -> Member:
    return Member(space_of(one.limits).encode(one).tolist(), one.loss, why)


def individuals_of(
    members: Sequence[Member], scene: Scene, limits: Limits, given: Sequence[Individual]
) -> list[Individual]:
    """Members as individuals; what was ``given`` and is unchanged comes back as it is."""
    return [
        given[int(member.why)] if given and member.why.isdigit() else _individual(member, scene, limits)
        for member in members
    ]


def _individual(member: Member, scene: Scene, limits: Limits) -> Individual:
    one = Individual(scene.space.at(member.point), limits)
    if member.loss == member.loss:
        one.loss = member.loss
    return one
