"""What `scale` measures: each function runs its sides in turns and returns lines of the table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measures import losses, rates
from benchmarks.running import interleave, run_script
from benchmarks.scale.places import STORES, empty, present
from benchmarks.table import Figure


@dataclass(frozen=True)
class Size:
    """How much is run. Of the others fewer trials where they do not get faster with more."""

    repeats: int = 3
    sleeps: int = 50  # trials of each peer that sleeps
    virtual: float = 120.0  # seconds
    tpe: float = 900.0
    crowd: int = 200_000  # so many that starting 32 processes weighs little
    optuna: int = 160
    ranks: int = 10_000
    growth: int = 102_000
    growths: int = 3
    steps: int = 30_000
    peers: int = 10_000  # that the stores hold when their traffic is measured
    lengths: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)


QUICK = Size(
    1, sleeps=10, virtual=45.0, tpe=90.0, crowd=20_000, optuna=64, ranks=2_000, growths=1, steps=5_000, peers=100,
    lengths=(1_000, 10_000),
)  # fmt: skip
SLEEP = 0.2  # seconds
POPULATION = 20


def utilisation(size: Size) -> list[Figure]:
    """How much of the time of local peers trials of 0.2 s fill, with a search that reads what all peers found."""
    figures = []
    for store in filter(present, ("SQLite", "PostgreSQL")):
        crews = [("tpe", 2), ("tpe", 4), ("tpe", 8), ("auto", 4)]
        runs = {f"{search} {peers}": _sleep(store, peers, size.sleeps * peers, search) for search, peers in crews}
        answers = interleave(size.repeats, **runs)
        for name, found in answers.items():
            search, peers = name.split()
            what = f"{peers} peers busy, trials of {SLEEP:g} s, {search}, {store}"
            flaw = "" if all(one["peers"] == int(peers) for one in found) else "not all peers took part"
            busy = [100 * one["busy"] for one in found]
            figures.append(Figure(what, "%", busy, floor=97.0 if search == "tpe" else None, flaw=flaw))
    return figures


def simulated(size: Size) -> list[Figure]:
    """A thousand peers in virtual time, which spend the time that the search really takes."""
    figures = []
    for search, seconds in (("gp", size.virtual), ("tpe", size.tpe)):
        one = run_script("shoal", "shoal_simulated.py", search, 1_000, seconds)
        flaw = "" if one["distinct"] == one["trials"] else f"{one['trials']} trials, {one['distinct']} distinct"
        what = f"1,000 simulated peers, trials of 60 s ± 50 %, {search}"
        figures += [
            Figure(f"{what}: busy", "%", [100 * one["busy"]], floor=99.0, flaw=flaw),
            Figure(f"{what}: a proposal", "ms", [1e3 * one["asked"]]),
        ]
    return figures


def crowd(size: Size) -> list[Figure]:
    """32 processes on one PostgreSQL, a function that does nothing, against Optuna's RDBStorage."""
    if not present("PostgreSQL"):
        return []
    answers = interleave(
        size.repeats,
        shoal=_on("PostgreSQL", "shoal", "shoal_noop.py", 32, size.crowd, "random"),
        optuna=_on("PostgreSQL", "optuna-rdb", "optuna_rdb.py", 32, size.optuna),
        genetic=_on("PostgreSQL", "shoal", "shoal_noop.py", 32, size.crowd // 10, "genetic"),
    )
    what, optuna = "no-op function, 10 floats, PostgreSQL, 32 peers", rates(answers["optuna"])
    return [
        Figure(f"{what}, random", "trials/s", rates(answers["shoal"]), optuna, "Optuna", at_least=20,
               flaw=losses(answers["shoal"])),
        Figure(f"{what}, genetic: all read all", "trials/s", rates(answers["genetic"]), optuna, "Optuna",
               flaw=losses(answers["genetic"])),
    ]  # fmt: skip


def mpi(size: Size) -> list[Figure]:
    """Four ranks of an MPI job, a genetic algorithm, a function that does nothing, against Propulate."""
    answers = interleave(
        size.repeats,
        shoal=lambda: run_script("shoal", "shoal_mpi.py", 4, size.ranks, "genetic", POPULATION),
        propulate=lambda: run_script("propulate", "propulate_mpi.py", 4, size.ranks, POPULATION),
    )
    what = f"no-op function, 10 floats, MPI, 4 ranks, {size.ranks:,} trials, population of {POPULATION}"
    return [Figure(what, "trials/s", rates(answers["shoal"]), rates(answers["propulate"]), "Propulate", at_least=20,
                   flaw=losses(answers["shoal"]))]  # fmt: skip


def growth(size: Size) -> list[Figure]:
    """What a trial costs at 100,000 trials over what it costs at 1,000, in every store."""
    runs = {store: _on(store, "shoal", "shoal_noop.py", 1, size.growth, "random") for store in filter(present, STORES)}
    runs["MPI"] = lambda: run_script("shoal", "shoal_mpi.py", 4, size.growth, "random", POPULATION)
    answers = interleave(size.growths, **runs)
    return [_grown("no-op function", store, 100_000, found, losses(found)) for store, found in answers.items()]


def steps(size: Size) -> list[Figure]:
    """The same where each trial is granted, begun, ended and read about by itself, as trials of seconds are."""
    runs = {store: _on(store, "shoal", "shoal_steps.py", size.steps) for store in filter(present, STORES)}
    answers = interleave(1, **runs)
    return [_grown("one trial at a time", store, size.steps, found) for store, found in answers.items()]


def _grown(what: str, store: str, trials: int, answers: Sequence[Mapping[str, Any]], flaw: str = "") -> Figure:
    late, early = ([1e6 * answer[when] for answer in answers] for when in ("late", "early"))
    name = f"{what}, {store}: a trial at {trials:,} trials"
    return Figure(name, "µs", late, early, "at 1,000", at_most=1.3, flaw=flaw)


def _on(store: str, tool: str, script: str, *arguments: object) -> Callable[[], dict[str, Any]]:
    """A script that is run on an empty store, whose URL is its first argument."""

    def measure() -> dict[str, Any]:
        with empty(store) as url:
            return run_script(tool, script, url, *arguments)

    return measure


def _sleep(store: str, peers: int, trials: int, search: str) -> Callable[[], dict[str, Any]]:
    return _on(store, "shoal", "shoal_sleep.py", peers, trials, SLEEP, search)
