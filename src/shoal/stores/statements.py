"""The statements that each trial needs, made once: to make one anew costs more of the processor than to run it.

What they are given by name when they run: ``this`` study, ``me`` the peer or writer, and what each says of itself.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Executable, Integer, bindparam, case, delete, insert, literal, select, update
from sqlalchemy.sql.elements import ColumnElement

from shoal.stores.schema import Blob, Name, batches, grants, peers, studies

PAGE: Final = 10_000  # batches that are read at once, at most
GREATEST: Final = 2**31 - 1  # limit of the numbers of trials, by their columns

_this, _me = bindparam("this", type_=Name), bindparam("me", type_=Name)
_study = studies.c.name == _this
_granted_me = (grants.c.study == _this) & (grants.c.peer == _me)

# Raise the study's batch counter by ``step``, which locks its row until the commit; what it is then
RAISE: Final = update(studies).where(_study).values(last_batch=studies.c.last_batch + bindparam("step", type_=Integer))
RAISED: Final = select(studies.c.last_batch).where(_study)

# A batch, and a grant, by their columns
PUT: Final = insert(batches)
GRANT: Final = insert(grants)

# The first number that was not granted yet, which is then ours to move to ``stop``
NEXT: Final = select(studies.c.next_number).where(_study).with_for_update()
MOVE: Final = update(studies).where(_study).values(next_number=bindparam("stop", type_=Integer))

# Let go of the grants that begin with the numbers ``settled``
LET_GO: Final = delete(grants).where(_granted_me, grants.c.start.in_(bindparam("settled", expanding=True)))


def _reading(others: bool) -> Executable:
    mine = case((batches.c.writer == _me, None), else_=batches.c.records) if others else batches.c.records
    after = batches.c.seq > bindparam("after", type_=Integer)
    return select(batches.c.seq, mine).where(batches.c.study == _this, after).order_by(batches.c.seq).limit(PAGE)


READ, READ_OTHERS = _reading(others=False), _reading(others=True)  # what came ``after`` a batch; without my records


def orphans(now: ColumnElement[float]) -> Executable:
    """The grants of others whose leases have passed by a clock, in the order of their numbers."""
    living = select(peers.c.peer).where(peers.c.study == _this, peers.c.beat + peers.c.lease >= now)
    orphaned = (grants.c.study == _this) & (grants.c.peer != _me) & grants.c.peer.not_in(living)
    return select(grants).where(orphaned).order_by(grants.c.start)


# ------------------------------------------------------------------ PostgreSQL: in one statement, and so one round trip

_raised = RAISE.returning(studies.c.last_batch).cte()
_batch = select(_this, _raised.c.last_batch, _me, bindparam("data", type_=Blob))
APPEND: Final = (  # raise it by ``step``, write a batch of ``data``; returns its number
    insert(batches).from_select(["study", "seq", "writer", "records"], _batch).returning(batches.c.seq)
)

_count = bindparam("count", type_=Integer)
_moved = (
    update(studies).where(_study, studies.c.next_number + _count <= bindparam("limit", type_=Integer))
    .values(next_number=studies.c.next_number + _count).returning(studies.c.next_number).cte()
)  # fmt: skip
_grant = select(_this, _moved.c.next_number - _count, _moved.c.next_number, literal(0), literal(0), _me)
TAKE: Final = (  # let go of what is ``settled``, and grant ``count`` numbers; the first, if as many are below ``limit``
    insert(grants).from_select(["study", "start", "stop", "generation", "origin", "peer"], _grant)
    .returning(grants.c.start).add_cte(LET_GO.cte())
)  # fmt: skip
