"""Stores to measure on, each empty and gone afterwards; databases are those that `scripts/services` started."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text

from benchmarks.running import say

SERVERS = {"PostgreSQL": "SHOAL_TEST_POSTGRESQL", "MariaDB": "SHOAL_TEST_MYSQL"}
STORES = ("memory", "SQLite", "dir:", *SERVERS)


def present(store: str) -> bool:
    """Whether a store can be had here; where it cannot, that is said."""
    there = store not in SERVERS or bool(os.environ.get(SERVERS[store]))
    if not there:
        say(f'  no {store}: {SERVERS[store]} is not set; eval "$(scripts/services start)" sets it')
    return there


@contextmanager
def empty(store: str) -> Iterator[str]:
    """The URL of an empty store of that kind."""
    if store in SERVERS:
        with _database(os.environ[SERVERS[store]]) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        yield {"memory": "memory://", "SQLite": f"sqlite:///{folder}/study.db", "dir:": f"dir:{folder}/studies"}[store]


@contextmanager
def _database(server: str) -> Iterator[str]:
    name = f"shoal_bench_{secrets.token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    force = " WITH (FORCE)" if engine.dialect.name == "postgresql" else ""
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name}{force}"))
        engine.dispose()
