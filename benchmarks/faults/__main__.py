"""Make each fault in full, and count what it cost: ``python -m benchmarks.faults``. A store or a fault for which this
machine has not what it takes is left out, by name."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from benchmarks.faults import clocks, disks, freezing, killing, outages, postgresql, versions
from benchmarks.faults.toll import Toll
from benchmarks.running import machine, say

SERVERS = {"postgresql": "SHOAL_TEST_POSTGRESQL", "mysql": "SHOAL_TEST_MYSQL"}  # as scripts/services sets them
STORES = ("sqlite", "folder", *SERVERS)
Fault = Callable[[Path, argparse.Namespace, str], Iterator[Toll]]


def place(folder: Path, store: str) -> str:
    """The URL of an empty store of that kind; empty where its server is not there."""
    if store not in SERVERS:
        return f"sqlite:///{folder}/study.db" if store == "sqlite" else f"dir:{folder}/studies"
    server = os.environ.get(SERVERS[store], "")
    if not server:
        say(f"  no {store}: {SERVERS[store]} is not set; see scripts/services")
        return ""
    name = f"shoal_faults_{token_hex(4)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def kill(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if url := place(folder, store):
        yield killing.killed(folder, url, store, given.kills)


def ranks(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if killing.MPIEXEC.exists():
        yield killing.ranks_killed(folder, place(folder, store), f"MPI, {store}", max(given.kills // 10, 1))


def freeze(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if url := place(folder, store):
        yield freezing.frozen(folder, url, store, given.freezes)


def clock(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if not clocks.library():
        say("  no libfaketime: apt-get install faketime")
    elif store != "sqlite" and (url := place(folder, store)):  # SQLite is for one machine, which has one clock
        yield clocks.clocks_off(folder, url, store, trials=300)


def disk(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if store in SERVERS:
        return
    with disks.small_disk(folder) as path:
        if path is None:
            say("  no small disk: mounting one needs root on Linux")
        else:
            yield disks.filled(folder, path, place(path, store), store)


def version(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if url := place(folder, store):
        yield versions.two_versions(folder, url, store, trials=200)


def outage(folder: Path, given: argparse.Namespace, store: str) -> Iterator[Toll]:
    if store == "postgresql" and postgresql.programs():
        yield outages.outage(folder, given.outage, peers=16)


FAULTS: dict[str, Fault] = {
    "kill": kill, "ranks": ranks, "freeze": freeze, "clock": clock, "disk": disk, "version": version, "outage": outage,
}  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    made.add_argument("--json", action="store_true", help="print JSON instead of a table")
    made.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS), help="make these faults alone")
    made.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    made.add_argument("--kills", type=int, default=200, help="of peers on each store; a tenth of it of MPI ranks")
    made.add_argument("--freezes", type=int, default=10)
    made.add_argument("--outage", type=float, default=20.0, help="seconds that PostgreSQL is away")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Make the faults and print the table; returns the exit status: 1 where a study was harmed."""
    given = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running
    tolls: list[Toll] = []
    for name in given.only:
        for store in ("sqlite", "folder") if name == "ranks" else given.stores:
            say(f"{name}, {store}")
            with tempfile.TemporaryDirectory(prefix="shoal-faults-", ignore_cleanup_errors=True) as folder:
                tolls += FAULTS[name](Path(folder), given, store)
    if given.json:
        print(json.dumps({"machine": machine(), "tolls": [toll.to_json() for toll in tolls]}, indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else 150).print(_table(tolls))
    return int(any(toll.flaw for toll in tolls))


def _table(tolls: list[Toll]) -> Table:
    table = Table(title="faults", caption=machine())
    for heading in ("fault", "store"):
        table.add_column(heading)
    counts = ("struck", "trials", "outcomes", "twice", "lost", "failed", "again", "apart", "overruled", "seconds")
    for heading in counts:
        table.add_column(heading, justify="right")
    table.add_column("doctor")
    for toll in tolls:
        table.add_row(toll.fault, toll.store, *(f"{getattr(toll, count):,}" for count in counts), toll.doctor)
    return table


if __name__ == "__main__":
    sys.exit(main())
