"""Shoal: what a store's calls cost, which a trial makes, and how that grows with peers.

Usage: shoal_traffic.py URL PEERS

``calls``: how often a trial of `LONG` seconds makes each call, counted in a real loop whose objective has another peer
write in between. ``costs``: what a call takes, with two peers and with PEERS more, each of which holds a grant and has
written: milliseconds, of these the server's processor, round trips, and bytes each way, of a server; operations on
files, of a folder. ``batch``: bytes in the store and over the wire, and microseconds of the reader's and the server's
processor, of a batch of one record.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import psutil
from shoal_steps import NAMES, PARAMS
from sqlalchemy import Connection, insert, make_url, select, text, update
from wire import Traffic, Wire

import shoal
from shoal import catalog
from shoal.clock import RealClock
from shoal.journal import Journal
from shoal.names import host_name
from shoal.records import AnyRecord, Defined, Definition, Ended, Started, encode
from shoal.search.genetic import Genetic
from shoal.stores import schema

LONG, LOOPS = 1.2, 10  # seconds of a trial in the loop, long enough that it looks for dead peers each time; how many
REPEATS, BATCHES = 50, 2_000
SPACE = dict.fromkeys(NAMES, (0.0, 1.0))
FILES = ("open", "os.scandir", "os.listdir", "os.link", "os.rename", "os.remove")


def begin(number: int, peer: str) -> Started:
    return Started(number, PARAMS, peer, 1.7e9, "trials 1234 and 5678 crossed, x3 drawn anew, x4 shifted")


def end(number: int) -> Ended:
    return Ended(number, "done", 1.7e9, {"loss": 0.123456789012345}, seconds=60.123456)


class Counted:
    """A store whose calls are counted."""

    def __init__(self, store: Any) -> None:
        self._store, self.calls, self.url = store, Counter(), store.url

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        def call(*given: Any, **more: Any) -> Any:
            self.calls[name] += 1
            return found(*given, **more)

        return call if callable(found) else found


def calls_of_a_trial(url: str) -> dict[str, float]:
    counted, other = Counted(catalog.store(url)), catalog.store(url) if "memory" not in url else None
    marks: list[Counter[str]] = []

    def objective(params: dict[str, float]) -> float:
        marks.append(counted.calls.copy())
        time.sleep(LONG)
        (other or counted._store).append("loop", "another", [begin(10**6 + len(marks), "another")])
        return sum(params.values())

    shoal.tune(objective, SPACE, trials=LOOPS, workers=0, search="genetic", store=counted, name="loop", progress=False)
    first, last = marks[1], marks[-1]
    return {name: (last[name] - first[name]) / (len(marks) - 2) for name in last if last[name] > first[name]}


class Meter:
    """Measures calls: time, the server's processor, what goes over the wire, and operations on files."""

    def __init__(self, url: str) -> None:
        address = None if "://" not in url or "sqlite" in url or "memory" in url else make_url(url)
        self.wire = None if address is None else Wire(address.host or "127.0.0.1", address.port or 0)
        self.url = url
        if address is not None and self.wire is not None:
            self.url = address.set(host="127.0.0.1", port=self.wire.port).render_as_string(hide_password=False)
        self.store = catalog.store(self.url)
        self.server = None if address is None else self._server(address.get_backend_name())
        self.files: Counter[str] = Counter()
        sys.addaudithook(lambda event, given: self.files.update([event]) if event in FILES else None)

    def _server(self, backend: str) -> Path:
        """The processor time that the kernel keeps of the server's side: the connection's process, or all of it."""
        if backend == "postgresql":
            pid = self.store._database.read(
                lambda connection: connection.execute(text("select pg_backend_pid()")).scalar()
            )
            return Path(f"/proc/{pid}/schedstat")
        found = next(p.pid for p in psutil.process_iter(["name"]) if p.info["name"] in ("mariadbd", "mysqld"))
        return Path(f"/proc/{found}/task")

    def busy(self) -> float:
        """Seconds."""
        if self.server is None:
            return 0.0
        paths = [self.server] if self.server.name == "schedstat" else self.server.glob("*/schedstat")
        return sum(int(path.read_text().split()[0]) for path in paths) / 1e9

    def of(self, call: Callable[[int], Any], repeats: int = REPEATS) -> dict[str, float]:
        call(0)  # statements are prepared, files are found
        wire = self.wire.traffic.copy() if self.wire else Traffic()
        files, server, own, times = self.files.copy(), self.busy(), process_time(), []
        for turn in range(1, repeats + 1):
            began = perf_counter()
            call(turn)
            times.append(perf_counter() - began)
        own, server = process_time() - own, self.busy() - server
        found = {"ms": 1e3 * median(times), "client_ms": 1e3 * own / repeats, "server_ms": 1e3 * server / repeats}
        if self.wire:
            went = self.wire.traffic - wire
            found |= {"trips": went.trips / repeats, "sent": went.sent / repeats, "received": went.received / repeats}
        counts = {name: (self.files[name] - files[name]) / repeats for name in FILES if self.files[name] > files[name]}
        return {**found, **counts}


def costs(meter: Meter, study: str, first: int) -> dict[str, dict[str, float]]:
    """What each call takes, at the numbers from ``first`` on."""
    store, cursors = meter.store, [0]
    settled: list[int] = []
    while (after := store.read(study, cursors[0], "me")[1]) != cursors[0]:
        cursors[0] = after

    def take(turn: int) -> None:
        grant = store.take(study, "me", 1, None, settled)
        settled[:] = [grant.key]

    def news(turn: int) -> None:
        _, cursors[0] = store.read(study, cursors[0], "me")

    found = {
        "take": meter.of(take),
        "append": meter.of(lambda turn: store.append(study, "me", [begin(first + turn, "me")])),
        "read, nothing": meter.of(news),
        "adopt": meter.of(lambda turn: store.adopt(study, "me"), 10),
        "beat": meter.of(lambda turn: store.beat(study, "me", 60.0)),
        "peers": meter.of(lambda turn: store.peers(study), 10),
    }
    others = iter(range(first + 1_000, first + 2_000))

    def one(turn: int) -> None:
        store.append(study, "another", [begin(next(others), "another")])

    both = meter.of(lambda turn: (one(turn), news(turn)))
    alone = meter.of(one)
    found["read, one batch"] = {name: both[name] - alone.get(name, 0.0) for name in both}
    return found


def fill(store: Any, study: str, peers: int) -> None:
    """So many peers more, that live, hold a number each and have written a batch."""
    names = [f"other {peers} {place}" for place in range(peers)]
    if hasattr(store, "_database"):
        store._database.write(lambda connection: _insert(connection, study, names))
        return
    for name in names:
        store.beat(study, name, 1e9)
        grant = store.take(study, name, 1, None)
        store.append(study, name, [begin(grant.start, name)])


def _insert(connection: Connection, study: str, names: list[str]) -> None:
    """The same at once, as calls would leave it."""
    kept = schema.studies.c.name == study
    number, seq = connection.execute(
        select(schema.studies.c.next_number, schema.studies.c.last_batch).where(kept)
    ).one()
    beat = {"study": study, "host": host_name(), "pid": 1, "beat": time.time(), "lease": 1e9}
    grant = {"study": study, "generation": 0, "origin": 0}
    connection.execute(insert(schema.peers), [{**beat, "peer": name} for name in names])
    held = [{**grant, "peer": name, "start": n, "stop": n + 1} for n, name in enumerate(names, number)]
    connection.execute(insert(schema.grants), held)
    said = [{"study": study, "seq": k, "writer": name, "records": encode([begin(k, name)])}
            for k, name in enumerate(names, seq + 1)]  # fmt: skip
    connection.execute(insert(schema.batches), said)
    last = {"next_number": number + len(names), "last_batch": seq + len(names)}
    connection.execute(update(schema.studies).where(kept).values(last))
    if connection.engine.dialect.name == "postgresql":
        connection.execute(text("ANALYZE"))  # as the server does by itself once it has a moment


def batch(meter: Meter, study: str) -> dict[str, float]:
    """What a batch of one record takes that another wrote, to a peer with a genetic search that begins to read."""
    records: list[AnyRecord] = [make for number in range(BATCHES // 2) for make in (begin(number, "x"), end(number))]
    for record in records:
        meter.store.append(study, "x", [record])
    journal = Journal(meter.store, study, "me", RealClock())
    search = Genetic()
    search.begin(journal.history)
    journal.listen(search.tell)
    for record in records:  # the same again, as later trials
        meter.store.append(study, "x", [type(record)(**{**_fields(record), "number": record.number + BATCHES})])
    wire = meter.wire.traffic.copy() if meter.wire else Traffic()
    server, own = meter.busy(), process_time()
    assert journal.sync() == len(records)
    took, busy = process_time() - own, meter.busy() - server
    found = {"text": len(encode(records[:1])) / 2 + len(encode(records[1:2])) / 2,
             "client_us": 1e6 * took / BATCHES, "server_us": 1e6 * busy / BATCHES}  # fmt: skip
    if meter.wire:
        found["received"] = (meter.wire.traffic - wire).received / BATCHES
    return {**found, "stored": _stored(meter, study) / (2 * BATCHES)}


def _fields(record: AnyRecord) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def _stored(meter: Meter, study: str) -> float:
    """Bytes that the records of a study take in the store, with their indices."""
    url = meter.url
    if url.startswith("dir:"):
        return float(sum(p.stat().st_size for p in Path(url[4:], f"_{study}", "records").iterdir()))
    question = {
        "postgresql": "select pg_total_relation_size('shoal_batches')",
        "mysql": "select data_length + index_length from information_schema.tables "
                 "where table_name = 'shoal_batches' and table_schema = database()",
        "sqlite": "select page_count * page_size from pragma_page_count(), pragma_page_size()",
    }  # fmt: skip
    if "memory" in url:
        return float("nan")
    backend = make_url(url).get_backend_name()
    if backend == "mysql":
        meter.store._database.read(lambda c: c.execute(text("analyze table shoal_batches")).all())
    return float(meter.store._database.read(lambda c: c.execute(text(question[backend])).scalar()))


if __name__ == "__main__":
    url, peers = sys.argv[1], int(sys.argv[2])
    meter = Meter(url)
    for study in ("read", "costs"):
        plan = Definition(name=study, space=shoal.Space(SPACE).to_json())
        meter.store.create(study, Defined(1, plan, 0.0))
        meter.store.beat(study, "me", 1e9)
    found = {"batch": batch(meter, "read"), "calls": calls_of_a_trial(url)}
    fill(meter.store, "costs", 1)
    one = costs(meter, "costs", 10**6)
    fill(meter.store, "costs", peers)
    found["costs"] = {"2": one, str(peers): costs(meter, "costs", 2 * 10**6)}
    print(json.dumps(found))
