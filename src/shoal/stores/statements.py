"""What PostgreSQL does in one statement, and so in one round trip, that other databases need a transaction for."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Executable, delete, insert, literal, select, update

from shoal.stores.schema import batches, grants, studies


def appending(study: str, writer: str, data: bytes) -> Executable:
    """Raise the study's batch counter, which locks its row, and write a batch of that number: returns it."""
    raised = (
        update(studies).where(studies.c.name == study).values(last_batch=studies.c.last_batch + 1)
        .returning(studies.c.last_batch).cte()
    )  # fmt: skip
    rows = select(literal(study), raised.c.last_batch, literal(writer), literal(data))
    return insert(batches).from_select(["study", "seq", "writer", "records"], rows).returning(batches.c.seq)


def taking(study: str, peer: str, count: int, limit: int | None, settled: Sequence[int]) -> Executable:
    """Let go of the grants that are settled, and grant the next so many numbers: returns the first of them, or nothing
    where not so many are left below the limit."""
    row, following = studies.c.name == study, studies.c.next_number + count
    raised = (
        update(studies).where(row if limit is None else row & (following <= limit)).values(next_number=following)
        .returning(studies.c.next_number).cte()
    )  # fmt: skip
    stop = raised.c.next_number
    rows = select(literal(study), stop - count, stop, literal(0), literal(0), literal(peer))
    columns = ["study", "start", "stop", "generation", "origin", "peer"]
    query = insert(grants).from_select(columns, rows).returning(grants.c.start)
    if settled:
        mine = (grants.c.study == study) & (grants.c.peer == peer) & grants.c.start.in_(settled)
        query = query.add_cte(delete(grants).where(mine).cte())
    return query
