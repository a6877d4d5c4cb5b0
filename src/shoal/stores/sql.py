"""A store in an SQL database: SQLite on one machine by default, through SQLAlchemy Core.

Records travel in batches, one row a batch. Every append first raises the study's batch counter, which locks that row
until the
commit: so batches are numbered in the order of their commits, and a reader that asks for what came after batch n can
skip none, on any database.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    case,
    create_engine,
    delete,
    event,
    exc,
    func,
    insert,
    literal_column,
    make_url,
    select,
    update,
)
from sqlalchemy.sql.elements import ColumnElement

from shoal.contracts import Grant, PeerStatus
from shoal.errors import StoreError
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, decode, encode
from shoal.stores.schema import TABLES, batches, claims, grants, peers, prepare, studies

CLOCKS = {  # the database's own clock, in seconds since 1970
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())",
    "mysql": "unix_timestamp(now(6))",
    "mariadb": "unix_timestamp(now(6))",
}

PAGE = 10_000  # batches that are read at once, at most
PAGE_BYTES = 8 << 20  # … and about how much text


class SqlStore:
    """The studies in one database, named by an SQLAlchemy URL such as ``sqlite:///study.db``.

    Raises StoreError where it cannot be opened: no such folder, a foreign file, a newer schema.
    """

    def __init__(self, url: str, create: bool = True) -> None:
        try:
            self._address = make_url(url)
        except exc.ArgumentError:
            raise StoreError(f"{url!r} is no store; write sqlite:///study.db, or the URL of a database") from None
        self.url = self._address.render_as_string(hide_password=True)
        self._backend = self._address.get_backend_name()
        if self._backend not in CLOCKS:
            raise StoreError(f"{self.url}: Shoal keeps studies in SQLite, PostgreSQL and MySQL, not in {self._backend}")
        if not create and self._backend == "sqlite" and not os.path.exists(self._address.database or ""):
            raise StoreError(f"there is no store {self.url}: no file {self._address.database} here; give --store")
        self._now: ColumnElement[float] = literal_column(CLOCKS[self._backend])
        with self._errors():
            self._engine = self._connect()
        with self._write() as connection:
            prepare(connection, self.url)

    def _connect(self) -> Engine:
        if self._backend != "sqlite":
            return create_engine(self._address, pool_pre_ping=True)
        engine = create_engine(self._address, connect_args={"timeout": 60.0})
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    # ------------------------------------------------------------------ studies

    def create(self, name: str, first: Defined) -> bool:
        try:
            with self._write() as connection:
                connection.execute(insert(studies).values(name=name, next_number=0, last_batch=1))
                for table in TABLES:  # what a peer of a removed study of that name may have left
                    connection.execute(delete(table).where(table.c.study == name))
                connection.execute(insert(batches).values(study=name, seq=1, writer="", records=encode([first])))
        except _Exists:
            return False
        return True

    def studies(self) -> list[str]:
        with self._read() as connection:
            return [str(name) for name in connection.execute(select(studies.c.name).order_by(studies.c.name)).scalars()]

    def remove(self, name: str) -> None:
        with self._write() as connection:
            if not connection.execute(delete(studies).where(studies.c.name == name)).rowcount:
                self._unknown(name)
            for table in TABLES:
                connection.execute(delete(table).where(table.c.study == name))

    # ------------------------------------------------------------------ records

    def append(self, study: str, writer: str, records: Sequence[AnyRecord]) -> None:
        data = encode(records)
        with self._write() as connection:
            seq = self._raise(connection, study, studies.c.last_batch, studies.c.last_batch + 1)
            connection.execute(insert(batches).values(study=study, seq=seq, writer=writer, records=data))

    def read(self, study: str, after: int, skip: str = "") -> tuple[list[AnyRecord], int]:
        mine = case((batches.c.writer == skip, None), else_=batches.c.records) if skip else batches.c.records
        query = (
            select(batches.c.seq, mine)
            .where(batches.c.study == study, batches.c.seq > after)
            .order_by(batches.c.seq)
            .limit(PAGE)
        )
        records: list[AnyRecord] = []
        size = 0
        with self._read() as connection:
            for seq, data in connection.execute(query):
                after = seq
                if data is not None:
                    records += self._decode(study, seq, data)
                    size += len(data)
                if size > PAGE_BYTES:
                    break
            if after == 0:
                self._unknown(study)
        return records, after

    def _decode(self, study: str, seq: int, data: bytes) -> list[AnyRecord]:
        try:
            return decode(data)
        except msgspec.DecodeError as error:
            raise StoreError(
                f"{self.url}: batch {seq} of study {study!r} cannot be read ({error}); it was damaged, "
                "or written by another version of Shoal"
            ) from None

    # ------------------------------------------------------------------ numbers

    def take(self, study: str, peer: str, count: int, limit: int | None, settled: Sequence[int] = ()) -> Grant | None:
        with self._write() as connection:
            if settled:
                mine = (grants.c.study == study) & (grants.c.peer == peer)
                connection.execute(delete(grants).where(mine, grants.c.start.in_(settled)))
            following = studies.c.next_number + count
            bounded = following if limit is None else case((following > limit, limit), else_=following)
            kept = case((bounded < studies.c.next_number, studies.c.next_number), else_=bounded)
            start = connection.execute(
                select(studies.c.next_number).where(studies.c.name == study).with_for_update()
            ).scalar()
            stop = self._raise(connection, study, studies.c.next_number, kept)
            if start is None or stop <= start:
                return None
            grant = Grant(start, stop)
            self._grant(connection, study, peer, grant)
        return grant

    def resume(self, study: str, peer: str, number: int, generation: int) -> Grant | None:
        grant = Grant(number, number + 1, generation, origin=generation)
        row = (grants.c.study == study) & (grants.c.start == grant.key)
        try:
            with self._write() as connection:
                self._raise(connection, study, studies.c.last_batch, studies.c.last_batch)
                key = f"resume {number} {generation}"
                connection.execute(insert(claims).values(study=study, key=key, peer=peer))
                connection.execute(delete(grants).where(row))  # of an earlier attempt
                self._grant(connection, study, peer, grant)
        except _Exists:
            return None
        return grant

    def _grant(self, connection: Connection, study: str, peer: str, grant: Grant) -> None:
        connection.execute(
            insert(grants).values(
                study=study,
                start=grant.key,
                stop=grant.stop,
                generation=grant.generation,
                origin=grant.origin,
                peer=peer,
            )
        )

    def adopt(self, study: str, peer: str) -> list[Grant]:
        living = select(peers.c.peer).where(peers.c.study == study, peers.c.beat + peers.c.lease >= self._now)
        orphaned = (grants.c.study == study) & (grants.c.peer != peer) & grants.c.peer.not_in(living)
        with self._read() as connection:
            if connection.execute(select(func.count()).select_from(grants).where(orphaned)).scalar() == 0:
                return []
        with self._write() as connection:
            self._raise(connection, study, studies.c.last_batch, studies.c.last_batch)  # one adopter at a time
            found = connection.execute(select(grants).where(orphaned).order_by(grants.c.start)).all()
            adopted = [Grant.of(row.start, row.stop, row.generation + 1, row.origin) for row in found]
            for grant in adopted:
                row = (grants.c.study == study) & (grants.c.start == grant.key)
                connection.execute(update(grants).where(row).values(peer=peer, generation=grant.generation))
        return adopted

    def claim(self, study: str, key: str, peer: str) -> bool:
        try:
            with self._write() as connection:
                self._raise(connection, study, studies.c.last_batch, studies.c.last_batch)
                connection.execute(insert(claims).values(study=study, key=key, peer=peer))
        except _Exists:
            return False
        return True

    # ------------------------------------------------------------------ peers

    def beat(self, study: str, peer: str, lease: float) -> None:
        row = (peers.c.study == study) & (peers.c.peer == peer)
        with self._write() as connection:
            if not connection.execute(update(peers).where(row).values(beat=self._now, lease=lease)).rowcount:
                self._raise(connection, study, studies.c.last_batch, studies.c.last_batch)
                connection.execute(
                    insert(peers).values(study=study, peer=peer, host=host_name(), pid=os.getpid(),
                                         beat=self._now, lease=lease)
                )  # fmt: skip

    def leave(self, study: str, peer: str) -> None:
        with self._write() as connection:
            connection.execute(delete(peers).where(peers.c.study == study, peers.c.peer == peer))

    def peers(self, study: str) -> list[PeerStatus]:
        age = self._now - peers.c.beat
        query = select(peers, age.label("age"), (age <= peers.c.lease).label("alive")).where(peers.c.study == study)
        with self._read() as connection:
            rows = connection.execute(query.order_by(peers.c.peer)).all()
        return [PeerStatus(row.peer, row.host, row.pid, float(row.age), bool(row.alive)) for row in rows]

    def close(self) -> None:
        self._engine.dispose()

    # ------------------------------------------------------------------ transactions

    def _raise(self, connection: Connection, study: str, column: Any, value: Any) -> int:
        """Set a counter of the study and return it; from here to the commit no one else does."""
        connection.execute(update(studies).where(studies.c.name == study).values({column: value}))
        found = connection.execute(select(column).where(studies.c.name == study)).scalar()
        if found is None:
            self._unknown(study)
        return int(found)  # type: ignore[arg-type]

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._errors(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._errors(), self._engine.connect().execution_options(reading=True) as connection:
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise _Exists from None
        except exc.SQLAlchemyError as error:
            raise StoreError(self._explain(str(getattr(error, "orig", None) or error))) from error
        except ModuleNotFoundError as error:
            raise StoreError(f"{self.url} needs the package {error.name!r}: pip install {error.name}") from None

    def _explain(self, problem: str) -> str:
        hints = {
            "not a database": "the file is no SQLite database (or was cut off): name another with store=",
            "malformed": "the file is damaged or cut off: restore a copy, or name another store",
            "unable to open": "the folder must exist and be writable",
            "is full": "the disk is full: make room and run `shoal resume`; what was written is safe",
            "disk I/O error": "the disk failed or is full: make room and run `shoal resume`; what was written is safe",
            "readonly": "the file or its folder is not writable",
            "locked": "another program holds it; SQLite is for one machine and a local disk",
            "no such": "the file holds other tables than Shoal's",
        }
        hint = next((text for word, text in hints.items() if word in problem), "is the database up and reachable?")
        return f"{self.url}: {problem.splitlines()[0]}; {hint}"

    def _unknown(self, study: str) -> None:
        known = ", ".join(map(repr, self.studies())) or "none"
        raise StoreError(f"{self.url} holds no study {study!r}; it holds: {known}")


class _Exists(Exception):
    """A row of that key is there already."""


def _use_wal(connection: Any) -> None:
    """Turn write-ahead logging on. SQLite does not wait for others here, whatever its timeout: so we do."""
    for _ in range(200):
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                raise
        time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: two readers that both turn writers would wait for each other."""
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _tune_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    connection.execute("PRAGMA busy_timeout=60000")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")  # survives any death of a process; a power cut may cost a moment
