"""The tables of an SQL store, its version, and how an older one is brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy import update as sql_update
from sqlalchemy.dialects.mysql import LONGBLOB, VARCHAR

from shoal.errors import StoreError

VERSION = 1
LOCK = 5_381_201  # any number, the same in every Shoal
metadata = MetaData()
Blob = LargeBinary().with_variant(LONGBLOB(), "mysql", "mariadb")
Name = String(200).with_variant(VARCHAR(200, charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb")

about = Table(
    "shoal_about",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)
studies = Table(
    "shoal_studies", metadata,
    Column("name", Name, primary_key=True),
    Column("next_number", Integer, nullable=False),  # the first trial number that was not granted yet
    Column("last_batch", Integer, nullable=False),
)  # fmt: skip
batches = Table(
    "shoal_batches", metadata,
    Column("study", Name, primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),  # 1, 2, 3 … in the order of commits
    Column("writer", Name, nullable=False),
    Column("records", Blob, nullable=False),  # a JSON array of records in UTF-8
)  # fmt: skip
grants = Table(
    "shoal_grants", metadata,
    Column("study", Name, primary_key=True),
    Column("start", Integer, primary_key=True, autoincrement=False),  # -1 - number for a trial that was resumed
    Column("stop", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("origin", Integer, nullable=False),  # the attempt that such a trial was resumed as; 0 for others
    Column("peer", Name, nullable=False),
)  # fmt: skip
claims = Table(
    "shoal_claims",
    metadata,
    Column("study", Name, primary_key=True),
    Column("key", Name, primary_key=True),
    Column("peer", Name, nullable=False),
)
peers = Table(
    "shoal_peers", metadata,
    Column("study", Name, primary_key=True),
    Column("peer", Name, primary_key=True),
    Column("host", Name, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("beat", Float(53), nullable=False),  # by the database's clock, in seconds since 1970
    Column("lease", Float(53), nullable=False),
    Index("shoal_peers_beat", "study", "beat"),
)  # fmt: skip

TABLES = (batches, grants, claims, peers)  # what belongs to one study, beside its row in `studies`

# version -> the step that brings a store of that version to the next
MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {}


def prepare(connection: Connection, url: str, migrations: Mapping[int, Callable[[Connection], None]] = MIGRATIONS,
            version: int = VERSION, create: bool = True) -> None:  # fmt: skip
    """Create what is missing and migrate what is old; a store written by a newer Shoal is refused, and one that is to
    be there already is not created."""
    backend = connection.engine.dialect.name
    if backend == "postgresql":  # of many peers that begin at once, one creates the tables
        connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
    elif backend in ("mysql", "mariadb"):
        connection.execute(select(func.get_lock(f"shoal {LOCK}", 60)))
    try:
        if not create and not inspect(connection).has_table(about.name):
            raise StoreError(f"there is no store {url}: the database holds no studies yet")
        _bring_up(connection, url, migrations, version)
    finally:
        if backend in ("mysql", "mariadb") and not connection.invalidated:  # a server that is gone has released it
            connection.execute(select(func.release_lock(f"shoal {LOCK}")))


def _bring_up(
    connection: Connection, url: str, migrations: Mapping[int, Callable[[Connection], None]], version: int
) -> None:
    metadata.create_all(connection)
    found = connection.execute(select(about.c.version)).scalar()
    if found is None:
        connection.execute(insert(about).values(id=1, version=version))
        return
    if found > version:
        raise StoreError(
            f"{url} was written by a newer Shoal (schema {found}; this one knows {version}): "
            "update Shoal here, as with pip install -U shoal, or use another store"
        )
    for step in range(found, version):
        migrations[step](connection)
    if found < version:
        connection.execute(sql_update(about).values(version=version))
