"""A connection to an SQL database that lasts: transactions, errors in words, and another try when a server restarts."""

from __future__ import annotations

import os
import random
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, exc, literal_column, make_url
from sqlalchemy.engine import URL
from sqlalchemy.sql.elements import ColumnElement

from shoal.errors import StoreError
from shoal.files import sqlite_path
from shoal.stores.schema import prepare

T = TypeVar("T")
CLOCKS = {  # the database's own clock, in seconds since 1970
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "extract(epoch from clock_timestamp())",
    "mysql": "unix_timestamp(now(6))",
    "mariadb": "unix_timestamp(now(6))",
}
LOOKING: Mapping[str, dict[str, Any]] = {  # how a transaction that only looks differs, where that saves round trips
    "sqlite": {"reading": True},
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}
PACKAGES = {"psycopg": "shoal[postgresql]", "pymysql": "shoal[mysql]"}
PATIENCE = 120.0  # seconds that a server which was there may be away
IDLE = 30.0  # seconds that a peer which is frozen, or lost its power, may hold up the others amid a transaction
IDLING = {  # MySQL cannot, and passes over MariaDB's comment: there the others wait for the lock, and try again
    "postgresql": "SET idle_in_transaction_session_timeout = {milliseconds:.0f}",
    "mysql": "SET @idle = 0 /*M! , idle_transaction_timeout = {seconds:.0f} */",
    "mariadb": "SET @idle = 0 /*M! , idle_transaction_timeout = {seconds:.0f} */",
}
PAUSES = (0.05, 2.0)  # the first, and the longest, before it is tried again
HINTS = {
    "not a database": "the file is no SQLite database (or was cut off): name another with store=",
    "malformed": "the file is damaged or cut off: restore a copy, or name another store",
    "unable to open": "the folder must exist and be writable (a folder itself as the store is dir:FOLDER)",
    "is full": "the disk is full: make room and run `shoal resume`; what was written is safe",
    "disk I/O error": "the disk failed or is full: make room and run `shoal resume`; what was written is safe",
    "No space left": "the server's disk is full: make room and run `shoal resume`; what was written is safe",
    "readonly": "the file or its folder is not writable",
    "locked": "another program holds it; SQLite is for one machine and a local disk",
    "no such": "the file holds other tables than Shoal's",
    "password authentication failed": "the user or the password is wrong",
    "Access denied": "the user or the password is wrong, or the user may not use that database",
    "does not exist": "create the database first, as with createdb",
    "Unknown database": "create the database first, as with CREATE DATABASE",
    "too many": "the server allows too few connections; each peer needs one or two (max_connections)",
}


class Exists(Exception):
    """A row of that key is there already."""


class Database:
    """The database of an SQLAlchemy URL, with Shoal's tables in it. Raises StoreError where it cannot be opened.

    A server that is ``known`` to have been there is waited for, as one that goes away later is.
    """

    def __init__(self, url: str, create: bool = True, known: bool = False) -> None:
        self._address = _address(url)
        self.url = masked(url)
        self.backend = self._address.get_backend_name()
        if self.backend not in CLOCKS:
            raise StoreError(f"{self.url}: Shoal keeps studies in SQLite, PostgreSQL and MySQL, not in {self.backend}")
        if not create and self.backend == "sqlite" and not os.path.exists(self._address.database or ""):
            raise StoreError(f"there is no store {self.url}: no file {self._address.database} here; give --store")
        self.now: ColumnElement[float] = literal_column(CLOCKS[self.backend])
        self._patience = PATIENCE if known else 0.0
        with self._errors():
            self._engine = self._connect(create)
            weakref.finalize(self, self._engine.dispose)
            self._looking = self._engine.execution_options(**LOOKING.get(self.backend, {}))
        self.write(lambda connection: prepare(connection, self.url, create=create))
        self._patience = PATIENCE

    def _connect(self, create: bool) -> Engine:
        if self.backend != "sqlite":
            engine = create_engine(self._address, isolation_level="READ COMMITTED", pool_size=1, max_overflow=32)
            limit = IDLING[self.backend].format(seconds=IDLE, milliseconds=1e3 * IDLE)
            event.listen(engine, "connect", lambda connection, _: _set(connection, limit))
            return engine
        if not create and (readable := _only_readable(self._address)):
            return create_engine(readable)
        engine = create_engine(self._address, connect_args={"timeout": 60.0})
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def close(self) -> None:
        self._engine.dispose()

    # ------------------------------------------------------------------ transactions

    def write(self, work: Callable[[Connection], T], done: Callable[[Connection], T | None] | None = None) -> T:
        """What ``work`` returns, done in one transaction. Raises Exists where it inserts a key that is there.

        When the server goes away in the middle, no one knows whether the commit was made: ``done`` returns what an
        earlier try came to, where that is so.
        """

        def attempt(tries: int) -> T:
            with self._engine.begin() as connection:
                found = done(connection) if tries and done is not None else None
                return work(connection) if found is None else found

        return self._persist(attempt)

    def read(self, work: Callable[[Connection], T], done: Callable[[Connection], T | None] | None = None) -> T:
        """What ``work`` returns, which only looks; or writes by one statement alone, which is its own transaction.
        ``done`` is as in `write`."""

        def attempt(tries: int) -> T:
            with self._looking.connect() as connection:
                found = done(connection) if tries and done is not None else None
                return work(connection) if found is None else found

        return self._persist(attempt)

    def _persist(self, attempt: Callable[[int], T]) -> T:
        tries, deadline = 0, time.monotonic() + self._patience
        while True:
            try:
                with self._errors():
                    return attempt(tries)
            except _Away as away:
                if time.monotonic() > deadline:
                    raise StoreError(str(away)) from away.__cause__
                time.sleep(min(PAUSES[0] * 2**tries, PAUSES[1]) * random.uniform(0.5, 1.0))
                tries += 1

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except exc.IntegrityError:
            raise Exists from None
        except exc.DBAPIError as error:
            passing = error.connection_invalidated or isinstance(error, exc.OperationalError | exc.InterfaceError)
            kind = _Away if passing and self.backend != "sqlite" else StoreError
            raise kind(self._explain(str(error.orig or error))) from error
        except exc.SQLAlchemyError as error:
            raise StoreError(self._explain(str(error))) from error
        except ModuleNotFoundError as error:
            package = PACKAGES.get(str(error.name), error.name)
            raise StoreError(f"{self.url} needs the package {error.name!r}: pip install '{package}'") from None

    def _explain(self, problem: str) -> str:
        hint = next((text for word, text in HINTS.items() if word in problem), "is the database up and reachable?")
        return f"{self.url}: {problem.splitlines()[0]}; {hint}"


class _Away(Exception):
    """The server is not there, or ended the transaction: it may be tried again."""


def _address(url: str) -> URL:
    if (path := sqlite_path(url)) is not None:
        return URL.create("sqlite", database=path)
    try:
        return make_url(url)
    except exc.ArgumentError:
        raise StoreError(f"{url!r} is no store; write sqlite:///study.db, or the URL of a database") from None


def masked(url: str) -> str:
    """A URL without its password, wherever that stands. Raises StoreError for what is no URL."""
    if sqlite_path(url) is not None:
        return url
    address = _address(url)
    secret = [key for key in address.query if "pass" in key.lower()]
    return address.update_query_dict(dict.fromkeys(secret, "***")).render_as_string(hide_password=True)


def _only_readable(address: URL) -> URL | None:
    """The URL of an SQLite file that may be looked at and not written, such as one that another user owns.

    Beside a log of writes SQLite reads that, too; without one it is told that nothing changes, as it would make one.
    """
    path = os.path.abspath(address.database or "")
    log = os.path.exists(f"{path}-wal")
    if os.access(path, os.W_OK) and (log or os.access(os.path.dirname(path), os.W_OK)):
        return None
    still = {} if log else {"immutable": "1"}
    return address.set(database=f"file:{quote(path)}", query={"mode": "ro", "uri": "true", **still})


def _set(connection: Any, statement: str) -> None:
    """Say something once to a connection that is new."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
    connection.commit()


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
