"""A store in an SQL database: SQLite on one machine by default, PostgreSQL or MySQL across many, by SQLAlchemy Core.

Records travel in batches, one row a batch. Every append first raises the study's batch counter, which locks that row
until the commit: so batches are numbered in the order of their commits, and a reader that asks for what came after
batch n can skip none, on any database. Reading takes one round trip (two on MySQL), and on PostgreSQL so do appending
and taking numbers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from shoal.contracts import Grant, PeerStatus
from shoal.errors import StoreError
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode
from shoal.stores import statements
from shoal.stores.database import Database, Exists
from shoal.stores.schema import TABLES, batches, claims, grants, peers, studies

PAGE_BYTES = 8 << 20  # about how much text is read at once


class SqlStore:
    """The studies in one database, named by an SQLAlchemy URL such as ``sqlite:///study.db``.

    Raises StoreError where it cannot be opened: no such folder, a foreign file, a newer schema.
    """

    def __init__(self, url: str, create: bool = True, known: bool = False) -> None:
        self._database = Database(url, create, known)
        self.url = self._database.url
        self._orphans = statements.orphans(self._database.now)
        self._taken: dict[tuple[str, str], int] = {}  # (study, peer) -> the first number of what it was granted last

    # ------------------------------------------------------------------ studies

    def create(self, name: str, first: Defined) -> bool:
        data = encode([first])

        def work(connection: Connection) -> bool:
            connection.execute(insert(studies).values(name=name, next_number=0, last_batch=1))
            for table in TABLES:  # what a peer of a removed study of that name may have left
                connection.execute(delete(table).where(table.c.study == name))
            connection.execute(insert(batches).values(study=name, seq=1, writer="", records=data))
            return True

        def done(connection: Connection) -> bool | None:
            row = select(batches.c.records).where(batches.c.study == name, batches.c.seq == 1)
            return True if connection.execute(row).scalar() == data else None

        try:
            return self._database.write(work, done)
        except Exists:
            return False

    def studies(self) -> list[str]:
        query = select(studies.c.name).order_by(studies.c.name)
        return self._database.read(lambda connection: [str(n) for n in connection.execute(query).scalars()])

    def remove(self, name: str) -> None:
        def work(connection: Connection) -> bool:
            gone = connection.execute(delete(studies).where(studies.c.name == name)).rowcount
            for table in TABLES:
                connection.execute(delete(table).where(table.c.study == name))
            return bool(gone)

        if not self._database.write(work):
            self._unknown(name)

    # ------------------------------------------------------------------ records

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        data = encode(records)  # should a try get through unnoticed, all is there twice, and counts once
        if self._database.backend == "postgresql":
            given = {"this": study, "me": writer, "data": data, "step": 1}
            if self._database.read(lambda connection: connection.execute(statements.APPEND, given).scalar()) is None:
                self._unknown(study)
            return

        def work(connection: Connection) -> None:
            seq = self._raise(connection, study, 1)
            row = {"study": study, "seq": seq, "writer": writer, "records": data}
            connection.execute(statements.PUT, row)

        self._database.write(work)

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        query = statements.READ_OTHERS if skip else statements.READ
        given = {"this": study, "after": after} | ({"me": skip} if skip else {})

        def work(connection: Connection) -> tuple[list[AnyRecord], int]:
            records: list[AnyRecord] = []
            size, last = 0, after
            for seq, data in connection.execute(query, given):
                last = seq
                if data is not None:
                    records += self._decode(study, seq, data)
                    size += len(data)
                if size > PAGE_BYTES:
                    break
            return records, last

        records, last = self._database.read(work)
        if last == 0:
            self._unknown(study)
        return records, last

    def _decode(self, study: str, seq: int, data: bytes) -> list[AnyRecord]:
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{self.url}: batch {seq} of study {study!r} cannot be read ({error}); it was damaged, "
                "or written by another version of Shoal: update the one here, as with pip install -U shoal"
            ) from None

    # ------------------------------------------------------------------ numbers

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        latest = self._taken.get((study, peer))
        grant = None
        if latest is not None and count > 0 and self._database.backend == "postgresql":
            grant = self._take_at_once(study, peer, count, limit, settled, latest)
        grant = grant or self._take(study, peer, count, limit, settled)
        if grant is not None:
            self._taken[study, peer] = grant.start
        return grant

    def _take_at_once(
        self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int], latest: int
    ) -> Grant | None:
        """By one statement; None where it is not to be had so."""
        highest = statements.GREATEST if limit is None else limit
        given = {"this": study, "me": peer, "count": count, "limit": highest, "settled": list(settled)}

        def work(connection: Connection) -> int | None:
            return connection.execute(statements.TAKE, given).scalar()

        def done(connection: Connection) -> int | None:
            """What an earlier try was granted: it alone is newer than the latest."""
            mine = (grants.c.study == study) & (grants.c.peer == peer) & (grants.c.generation == 0)
            return connection.execute(select(grants.c.start).where(mine, grants.c.start > latest)).scalar()

        start = self._database.read(work, done)
        return None if start is None else Grant(start, start + count)

    def _take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int]) -> Grant | None:
        given: list[Grant] = []

        def work(connection: Connection) -> Grant | None:
            if settled:
                connection.execute(statements.LET_GO, {"this": study, "me": peer, "settled": list(settled)})
            start = connection.execute(statements.NEXT, {"this": study}).scalar()  # from here on, no one else takes any
            if start is None:
                self._unknown(study)
            stop = start + count if limit is None else min(start + count, limit)
            if stop <= start:
                return None
            connection.execute(statements.MOVE, {"this": study, "stop": stop})
            given.append(Grant(start, stop))
            self._grant(connection, study, peer, given[-1])
            return given[-1]

        return self._database.write(work, lambda connection: self._held(connection, study, peer, given))

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        grant = Grant(number, number + 1, generation, origin=generation)

        def work(connection: Connection) -> Grant:
            self._raise(connection, study, 0)
            key = f"resume {number} {generation}"
            connection.execute(insert(claims).values(study=study, key=key, peer=peer))
            row = (grants.c.study == study) & (grants.c.start == grant.key)
            connection.execute(delete(grants).where(row))  # of an earlier attempt
            self._grant(connection, study, peer, grant)
            return grant

        try:
            return self._database.write(work, lambda connection: self._held(connection, study, peer, [grant]))
        except Exists:
            return None

    def _grant(self, connection: Connection, study: str, peer: str, grant: Grant) -> None:
        row = {"start": grant.key, "stop": grant.stop, "generation": grant.generation, "origin": grant.origin}
        connection.execute(statements.GRANT, {"study": study, "peer": peer, **row})

    def _held(self, connection: Connection, study: str, peer: str, given: Sequence[Grant]) -> Grant | None:
        """The last of some grants, if the peer got it."""
        if not given:
            return None
        row = (grants.c.study == study) & (grants.c.start == given[-1].key) & (grants.c.peer == peer)
        found = connection.execute(select(grants.c.generation).where(row)).scalar()
        return given[-1] if found == given[-1].generation else None

    def adopt(self, study: str, peer: str) -> list[Grant]:
        given = {"this": study, "me": peer}
        if not self._database.read(lambda connection: connection.execute(self._orphans, given).first()):
            return []
        tried: list[Grant] = []

        def work(connection: Connection) -> list[Grant]:
            self._raise(connection, study, 0)  # one adopter at a time
            found = connection.execute(self._orphans, given).all()
            tried[:] = [Grant.of(row.start, row.stop, row.generation + 1, row.origin) for row in found]
            for grant in tried:
                row = (grants.c.study == study) & (grants.c.start == grant.key)
                connection.execute(update(grants).where(row).values(peer=peer, generation=grant.generation))
            return list(tried)

        def done(connection: Connection) -> list[Grant] | None:
            held = [grant for grant in tried if self._held(connection, study, peer, [grant])]
            return held or None

        return self._database.write(work, done)

    def claim(self, study: str, key: str, peer: str) -> bool:
        def work(connection: Connection) -> bool:
            self._raise(connection, study, 0)
            connection.execute(insert(claims).values(study=study, key=key, peer=peer))
            return True

        def done(connection: Connection) -> bool | None:
            row = select(claims.c.peer).where(claims.c.study == study, claims.c.key == key)
            return True if connection.execute(row).scalar() == peer else None

        try:
            return self._database.write(work, done)
        except Exists:
            return False

    def held(self, study: str, peer: str) -> list[Grant]:
        """What a peer was granted and has not let go."""
        query = select(grants).where(grants.c.study == study, grants.c.peer == peer).order_by(grants.c.start)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [Grant.of(row.start, row.stop, row.generation, row.origin) for row in rows]

    def owner(self, study: str, key: str) -> str | None:
        """The peer that has claimed a key; None where none has."""
        query = select(claims.c.peer).where(claims.c.study == study, claims.c.key == key)
        return self._database.read(lambda connection: connection.execute(query).scalar())

    # ------------------------------------------------------------------ peers

    def beat(self, study: str, peer: str, lease: float, origin: tuple[str, int] | None = None) -> None:
        """``origin``: the host and the process that it comes from, if not from this one."""
        host, pid = origin or (host_name(), os.getpid())
        now = self._database.now
        row = (peers.c.study == study) & (peers.c.peer == peer)

        def work(connection: Connection) -> None:
            if not connection.execute(update(peers).where(row).values(beat=now, lease=lease)).rowcount:
                self._raise(connection, study, 0)
                connection.execute(
                    insert(peers).values(study=study, peer=peer, host=host, pid=pid, beat=now, lease=lease)
                )

        with suppress(Exists):  # another thread of this peer was faster
            self._database.write(work)

    def leave(self, study: str, peer: str) -> None:
        row = (peers.c.study == study) & (peers.c.peer == peer)
        self._database.write(lambda connection: connection.execute(delete(peers).where(row)))

    def peers(self, study: str) -> list[PeerStatus]:
        age = self._database.now - peers.c.beat
        query = select(peers, age.label("age"), (age <= peers.c.lease).label("alive")).where(peers.c.study == study)
        rows = self._database.read(lambda connection: connection.execute(query.order_by(peers.c.peer)).all())
        return [PeerStatus(row.peer, row.host, row.pid, float(row.age), bool(row.alive)) for row in rows]

    def close(self) -> None:
        self._database.close()

    # ------------------------------------------------------------------ helpers

    def _raise(self, connection: Connection, study: str, step: int) -> int:
        """Raise the study's counter of batches and return it; from here to the commit no one else does."""
        connection.execute(statements.RAISE, {"this": study, "step": step})
        found = connection.execute(statements.RAISED, {"this": study}).scalar()
        if found is None:
            self._unknown(study)
        return int(found)

    def _unknown(self, study: str) -> NoReturn:
        known = ", ".join(map(repr, self.studies())) or "none"
        raise StoreError(f"{self.url} holds no study {study!r}; it holds: {known}")
