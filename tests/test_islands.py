"""Islands: who sees what, who lives where, and that all peers agree on it, whatever they heard first."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import shoal
from shoal import catalog
from shoal.cli.app import app
from shoal.contracts import Proposal
from shoal.history import History
from shoal.islands import Layout
from shoal.migrations import Migrations
from shoal.proposals import Proposer
from shoal.records import AnyRecord, Definition, Ended, Migrated, Started, write_params
from shoal.search.archipelago import Archipelago
from shoal.space import Space
from shoal.study import Study

SPACE = Space({"x": (0.0, 1.0), "n": (1, 9), "c": ["a", "b", "c"]})
POLICIES = pytest.mark.parametrize("policy", ["migrate", "pollinate"])
TOPOLOGIES = ("full", "ring", "star", "torus", "random", [[0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [3, 0, 0, 0]])


def loss(params: dict[str, Any]) -> float:
    return (params["x"] - 0.3) ** 2 + abs(params["n"] - 4) + (params["c"] != "b")


class Peer:
    """One peer's history and search on islands; what it proposes and who migrates is told as in a study."""

    def __init__(self, search: str = "genetic", seed: int = 1, space: Space = SPACE, **islands: Any) -> None:
        plan = shoal.Islands(**{"count": 4, **islands})
        self.plan = Definition(name="s", space=space.to_json(), search=search, seed=seed, islands=plan)
        self.history = History(self.plan)
        self.proposer = self._think()
        self.records: list[AnyRecord] = []

    def _think(self) -> Proposer:
        self.search = catalog.search_of(self.plan)
        assert isinstance(self.search, Archipelago)
        return Proposer(self.history, self.search)

    def tell(self, records: Iterable[AnyRecord]) -> None:
        for record in records:
            self.records.append(record)
            if self.history.fold(record):
                self.proposer.tell(record)

    def run(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            proposal = self.proposer.propose(number)
            self.tell([Started(number, write_params(proposal.params), "p", 0.0, proposal.why), *proposal.migrants])
            self.tell([Ended(number, "done", 0.0, {"loss": loss(proposal.params)})])

    def join_late(self, records: Iterable[AnyRecord]) -> None:
        self.history = History(self.plan)
        self.history.fold_all(records)
        self.proposer = self._think()


def homes(peer: Peer) -> dict[int, tuple[int, ...]]:
    return {number: peer.history.migrations.stay(number).homes for number in range(peer.history.length)}


# ---------------------------------------------------------------------- who begins where


def test_each_round_of_trials_gives_each_island_what_its_size_says() -> None:
    layout = Layout(shoal.Islands(3, sizes=[3, 1, 2]), seed=5)
    islands = [layout.island(number) for number in range(6000)]
    for first in range(0, 6000, 6):
        assert Counter(islands[first : first + 6]) == {0: 3, 1: 1, 2: 2}
    assert islands == [Layout(shoal.Islands(3, sizes=[3, 1, 2]), seed=5).island(number) for number in range(6000)]
    for remainder in range(6):  # no island has the same place of a sequence each time
        assert set(islands[remainder::6]) == {0, 1, 2}


@pytest.mark.parametrize(
    ("topology", "flows"),
    [
        ("full", [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]]),
        ("ring", [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]]),
        ("star", [[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]]),
        ("torus", [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]),
    ],
)
def test_topologies_are_matrices_of_who_sends_to_whom(topology: str, flows: list[list[int]]) -> None:
    assert shoal.Islands(4, topology=topology).flows() == flows


def test_a_topology_and_sizes_may_be_numpy_s() -> None:
    flows, sizes = np.array([[0, 2], [1, 0]]), np.array([1, 3])
    made = shoal.Study(SPACE, islands=shoal.Islands(2, sizes=sizes, topology=flows))  # type: ignore[arg-type]
    plain = shoal.Study(SPACE, islands=shoal.Islands(2, sizes=[1, 3], topology=[[0, 2], [1, 0]]))
    assert made._journal.history.definition.islands == plain._journal.history.definition.islands


def test_a_torus_joins_each_island_to_four_neighbours() -> None:
    flows = shoal.Islands(12, topology="torus").flows()
    assert {sum(row) for row in flows} == {4}
    assert flows == [list(column) for column in zip(*flows, strict=True)]


def test_a_random_topology_sends_to_one_other_island_each_time() -> None:
    plan, rng = shoal.Islands(4, topology="random"), np.random.default_rng(0)
    targets = [plan.targets(2, rng) for _ in range(200)]
    assert all(len(found) == 1 and found[0][1] == 1 for found in targets)
    assert {found[0][0] for found in targets} == {0, 1, 3}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"count": 0}, "count of 1 or more, got 0"),
        ({"count": "four"}, "count of 1 or more, got 'four'"),
        ({"sizes": [1, 2]}, "need 4 sizes"),
        ({"sizes": [1, 1, 1, 0]}, "need 4 sizes"),
        ({"migration_probability": 1.5}, r"in \[0, 1\], got 1.5"),
        ({"migration_probability": float("nan")}, r"in \[0, 1\], got nan"),
        ({"topology": "rong"}, "did you mean 'ring'"),
        ({"topology": [[0, 1], [1, 0]]}, "matrix of 4 rows"),
        ({"count": 2, "topology": [[1, 1], [1, 0]]}, "0 from each island to itself"),
        ({"count": 2, "topology": [[0, -1], [1, 0]]}, "whole numbers of 0 or more"),
        ({"count": 2, "topology": [0, 1]}, "matrix of 2 rows"),
        ({"count": 2, "topology": np.array([[0.0, 0.5], [1.0, 0.0]])}, "expected int, got float"),
        ({"searches": [object()] * 4}, "^islands: searches are names"),
        ({"policy": "polinate"}, "did you mean 'pollinate'"),
        ({"emigrate": "beast"}, "did you mean 'best'"),
        ({"searches": ["gp"]}, "need 4 searches"),
        ({"isles": 3}, "unknown setting of islands 'isles'"),
    ],
)
def test_what_no_islands_can_be_is_refused_in_words(given: dict[str, Any], said: str) -> None:
    with pytest.raises(shoal.StudyError, match=said):
        shoal.Study(SPACE, islands=given if "isles" in given else shoal.Islands(**given))  # type: ignore[arg-type]


def test_an_island_s_search_is_checked_before_anything_runs() -> None:
    with pytest.raises(shoal.StudyError, match="unknown search 'gpp'"):
        shoal.Study(SPACE, islands=shoal.Islands(2, searches=["gpp", "tpe"]))
    with pytest.raises(shoal.StudyError, match="pop_size"):
        shoal.Study(SPACE, islands=shoal.Islands(2, searches=[("genetic", {"popsize": 3}), "tpe"]))


# ---------------------------------------------------------------------- who lives where


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=str)
def test_migration_has_every_trial_live_on_exactly_one_island(topology: Any) -> None:
    peer = Peer(policy="migrate", topology=topology)
    peer.run(range(200))
    moved = [record for record in peer.records if isinstance(record, Migrated)]
    assert len({record.number for record in moved}) > 10
    assert {len(found) for found in homes(peer).values()} == {1}
    flows = peer.plan.islands.flows()  # type: ignore[union-attr]
    assert all(flows[record.source][record.target] for record in moved)


def test_pollination_copies_one_and_retires_one() -> None:
    peer = Peer(policy="pollinate")
    peer.run(range(200))
    moved = [record for record in peer.records if isinstance(record, Migrated)]
    assert all(record.copies for record in moved)
    found = homes(peer)
    retired = sum(record.retires >= 0 for record in moved)
    assert sum(map(len, found.values())) == 200 + len(moved) - retired
    assert max(map(len, found.values())) > 1
    assert min(map(len, found.values())) == 0
    best = peer.history.best
    assert best is not None
    assert best in [record.number for record in moved] or best > 195


def test_the_best_go_and_the_worst_make_room() -> None:
    peer = Peer(policy="pollinate", topology="ring", migration_probability=1.0)
    for number in range(60):
        before = {
            island: sorted(
                (peer.history.value[n], n) for n in range(number) if island in peer.history.migrations.stay(n).homes
            )
            for island in range(4)
        }
        peer.run([number])
        for record in peer.records:
            if isinstance(record, Migrated) and record.at == number:
                there = [n for _, n in before[record.target]]
                news = [n for _, n in before[record.source] if n not in there]
                assert record.number == news[0]
                assert record.retires == (there[-1] if len(there) > 1 else -1)


@POLICIES
def test_who_lives_where_does_not_depend_on_the_order_of_the_news(policy: str) -> None:
    peer = Peer(policy=policy)
    peer.run(range(120))
    moved = [record for record in peer.records if isinstance(record, Migrated)]
    for seed in range(5):
        fold = Migrations(peer.plan.islands, peer.plan.seed)  # type: ignore[arg-type]
        for place in np.random.default_rng(seed).permutation(len(moved)):
            fold.fold(moved[place])
        assert not any(fold.fold(record) for record in moved), "what is told twice changes nothing"
        assert {n: sorted(fold.stay(n).homes) for n in range(120)} == {n: sorted(h) for n, h in homes(peer).items()}


def test_two_peers_that_move_one_trial_at_once_leave_it_on_one_island() -> None:
    fold = Migrations(shoal.Islands(3, policy="migrate"), 0)
    home = fold.layout.island(5)
    first, second = (island for island in range(3) if island != home)
    late, early = Migrated(5, 30, home, first), Migrated(5, 20, home, second)
    fold.fold(late)
    assert fold.stay(5).homes == (first,)
    fold.fold(early)
    assert fold.stay(5).homes == (second,), "it had left already when trial 30 wanted to send it"


# ---------------------------------------------------------------------- who sees what


@POLICIES
@pytest.mark.parametrize(
    "search", ["genetic", "cmaes", "de", "evolution", "tpe", "gp", "random", "sobol", "auto", "pso", "nelder_mead"]
)
def test_a_peer_that_joins_late_proposes_the_same_and_one_that_heard_in_another_order_knows_the_same(
    search: str, policy: str
) -> None:
    watched = Peer(search, policy=policy)
    watched.run(range(50))
    late, shuffled = Peer(search, policy=policy), Peer(search, policy=policy)
    late.join_late(watched.records)
    for trial in np.random.default_rng(0).permutation(50):  # a peer's own records always come in order
        shuffled.tell([r for r in watched.records if (r.at if isinstance(r, Migrated) else r.number) == trial])  # type: ignore[union-attr]
    for number in range(50, 60):
        assert late.proposer.propose(number) == watched.proposer.propose(number)
        assert SPACE.validate(shuffled.proposer.propose(number).params)
    assert {n: set(h) for n, h in homes(shuffled).items()} == {n: set(h) for n, h in homes(watched).items()}
    for ours, theirs in zip(_residents(shuffled), _residents(watched), strict=True):
        assert ours == theirs


def _residents(peer: Peer) -> list[list[tuple[float, int]]]:
    """Losses and trials of those that live on each island, as its search sees them."""
    return [
        sorted((loss, island.history.called(seat)) for loss, seat in island.residents.order)
        for island in peer.search._islands  # type: ignore[attr-defined]
    ]


class Looking:
    """A search that notes what it sees."""

    def begin(self, history: History) -> None:
        self.history = history

    def tell(self, record: AnyRecord) -> None: ...

    def ask(self, number: int, rng: np.random.Generator) -> Proposal:
        return Proposal(self.history.space.sample(rng), f"sees {self.history.counts['done']}")


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_an_island_sees_its_own_trials_and_its_immigrants(probability: float) -> None:
    plan = shoal.Islands(2, migration_probability=probability, policy="migrate")
    study = shoal.Study(SPACE, search=Looking(), islands=plan, seed=3)
    layout, seen = Layout(plan, 3), Counter[int]()
    for number in range(40):
        trial = study.ask()
        told = int(study._journal.history.why(number).split()[1])
        own = seen[layout.island(number)]
        assert told == own if probability == 0.0 else own <= told <= number
        study.tell(trial, loss(trial.params))
        seen[layout.island(number)] += 1
    assert probability == 0.0 or told > own


def test_each_island_has_its_own_search() -> None:
    plan = shoal.Islands(3, searches=["gp", "cmaes", ("genetic", {"pop_size": 4})])
    study = shoal.tune(loss, SPACE, trials=60, workers=0, islands=plan, seed=2, store="memory", progress=False)
    layout = Layout(plan, 2)
    words = {0: ("expected", "exploring", "design", "near", "the middle"), 1: ("run ",), 2: ("trial", "random")}
    for trial in study.trials[20:]:
        assert any(word in trial.why for word in words[layout.island(trial.number)]), trial.why
    assert sum(map(len, study.islands)) >= 50


def test_a_finite_space_is_tried_once_over_all_islands_and_then_the_study_ends() -> None:
    study = shoal.tune(
        lambda params: float(params["a"]), {"a": (1, 6), "b": ["x", "y"]}, workers=0, store="memory", search="genetic",
        islands=3, seed=0, progress=False,
    )  # fmt: skip
    assert len({json.dumps(trial.params) for trial in study.trials}) == len(study.trials) == 12
    assert "all 12 points" in study.ended


@POLICIES
def test_genetic_forgets_who_left_and_takes_in_who_came(policy: str) -> None:
    peer = Peer("genetic", policy=policy, migration_probability=1.0)
    peer.run(range(80))
    for island in peer.search._islands:  # type: ignore[attr-defined]
        population = island.search._search._population
        numbers = {int(member.why.removeprefix("trial ")) for member in population[:]}
        there = {n for n, found in homes(peer).items() if island.history.called and _index(peer, island) in found}
        assert numbers == there
        losses = [member.loss for member in population[:]]
        assert losses == sorted(losses)


def _index(peer: Peer, island: Any) -> int:
    return int(peer.search._islands.index(island))  # type: ignore[attr-defined]


def test_migration_keeps_knowledge_with_searches_that_model() -> None:
    peer = Peer("tpe", policy="migrate", migration_probability=1.0)
    peer.run(range(60))
    for index, island in enumerate(peer.search._islands):  # type: ignore[attr-defined]
        native = [n for n in range(60) if peer.history.migrations.layout.island(n) == index]
        assert all(island.history.value[n] == peer.history.value[n] for n in native)
        assert island.history.absent, "someone has left"


# ---------------------------------------------------------------------- everywhere


def run(policy: str, **options: Any) -> Study:
    plan = shoal.Islands(3, policy=policy, topology="ring")
    return shoal.tune(loss, SPACE, islands=plan, search="genetic", seed=1, progress=False, **options)


@POLICIES
def test_local_peers_agree_on_who_lives_where(policy: str) -> None:
    study = run(policy, trials=300, workers=3)
    found = Counter(len(trial.islands) for trial in study.trials)
    assert sum(found.values()) == 300
    assert policy == "pollinate" or set(found) == {1}
    assert [trial.number for trial in study.trials] == list(range(300))
    again = Study.open(study.name)
    assert again.islands == study.islands
    assert sorted(n for living in again.islands for n in living) == sorted(
        trial.number for trial in again.trials for _ in trial.islands
    )


def test_a_study_keeps_its_islands() -> None:
    run("migrate", trials=10, workers=0, name="s", store="s.db")
    with pytest.raises(shoal.StudyError, match="cannot go on with islands"):
        shoal.tune(loss, SPACE, islands=2, trials=20, workers=0, name="s", store="s.db", progress=False)
    with pytest.raises(shoal.StudyError, match="cannot go on with seed=2"):
        shoal.tune(loss, SPACE, seed=2, trials=20, workers=0, name="s", store="s.db", progress=False)
    run("migrate", trials=20, workers=0, name="s", store="s.db")
    assert len(Study.open("s", "s.db").trials) == 20


def test_the_command_line_makes_islands_and_shows_them() -> None:
    Path("train.py").write_text("def f(params):\n    return (params['x'] - 0.3) ** 2\n")
    words = ["tune", "train.py:f", "-p", "x=uniform(0, 1)", "-n", "40", "-w", "0", "-q", "--search", "genetic"]
    made = CliRunner().invoke(app, [*words, "--islands", "3", "--islands", "policy=migrate", "--seed", "1"])
    assert made.exit_code == 0, made.output
    shown = CliRunner().invoke(app, ["status", "f-1"])
    rows = [line.split() for line in shown.output.splitlines() if line.split()[1:2] == ["genetic"]]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    assert sum(int(row[2]) for row in rows) == 40
    assert "lives on" in CliRunner().invoke(app, ["show", "f-1", "3"]).output
    assert "sound" in CliRunner().invoke(app, ["doctor", "f-1"]).output


def test_why_names_the_search_of_the_trial_s_island() -> None:
    plan = shoal.Islands(2, searches=["sobol", ("genetic", {"pop_size": 5})])
    shoal.tune(loss, SPACE, trials=20, workers=0, seed=0, islands=plan, name="two", progress=False)
    layout = Layout(plan, 0)
    for number in range(20):
        done = CliRunner().invoke(app, ["why", "two", str(number)])
        assert f"trial {number}: proposed by {('sobol', 'genetic')[layout.island(number)]}:" in done.stdout


def test_islands_can_be_simulated() -> None:
    words = ["simulate", "rastrigin", "--peers", "4", "--search", "genetic", "--stopping", "none", "-n", "200"]
    plain, islands = (CliRunner().invoke(app, [*words, *more, "--no-plot", "--json"])
                      for more in ([], ["--islands", "4"]))  # fmt: skip
    assert islands.exit_code == 0, islands.output
    found = [json.loads(one.stdout)[0] for one in (plain, islands)]
    assert found[0]["trials"] > 0
    assert found[1]["trials"] > 0
    assert found[0]["best"] != found[1]["best"]


MPIEXEC = Path(sys.executable).parent / "mpiexec"
SCRIPT = """
import shoal
from mpi4py import MPI
study = shoal.tune(lambda p: (p["x"] - 0.3) ** 2, {"x": (0.0, 1.0), "y": (0.0, 1.0)}, trials=200, engine="mpi",
    islands=shoal.Islands(2, policy="migrate"), search="genetic", seed=1, name="s", store="s.db", progress=False)
homes = MPI.COMM_WORLD.gather([trial.islands for trial in study.trials])
if MPI.COMM_WORLD.rank == 0:
    assert all(found == homes[0] for found in homes), "ranks disagree"
    print(len(homes[0]), {len(found) for found in homes[0]})
"""


@pytest.mark.skipif(not MPIEXEC.exists(), reason="MPI is not installed here")
def test_ranks_of_an_mpi_job_agree_on_who_lives_where(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HYDRA_IFACE", "FI_TCP_IFACE", "UCX_NET_DEVICES"):
        monkeypatch.setenv(name, "lo")
    Path("script.py").write_text(SCRIPT)
    done = subprocess.run([str(MPIEXEC), "-n", "4", sys.executable, "script.py"], capture_output=True, text=True,
                          timeout=120, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["200", "{1}"]


@cache
def _median(search: str, islands: int) -> float:
    """Of the best loss of several seeds on a function with many hollows."""
    from shoal.problems import problem

    rastrigin = problem("rastrigin", dimensions=5)
    best = []
    for seed in range(7):
        study = shoal.tune(
            rastrigin, rastrigin.space, search=search, trials=600, workers=0, seed=seed, store="memory",
            islands=islands if islands > 1 else None, progress=False,
        )  # fmt: skip
        best.append(study.best.value)
    return float(np.median(np.array(best, dtype=float)))


def test_islands_of_a_genetic_algorithm_beat_random_search() -> None:
    assert _median("genetic", 4) < 0.7 * _median("random", 1)


def test_a_chain_of_moves_ends_where_the_last_one_led() -> None:
    fold = Migrations(shoal.Islands(4, policy="migrate"), 0)
    path = [fold.layout.island(7), *(island for island in (0, 1, 2, 3) if island != fold.layout.island(7))]
    moves = [Migrated(7, 10 + k, source, target) for k, (source, target) in enumerate(pairwise(path))]
    for move in reversed(moves):
        fold.fold(move)
    assert fold.stay(7).homes == (path[-1],)
    assert set(fold.stay(7).seats) == set(path)


@pytest.mark.parametrize("start", [[], [{"x": 0.1}], [{"x": 0.1}, {"x": 0.2}]])
def test_each_trial_is_proposed_by_the_search_of_the_island_that_it_is_told_to(start: list[dict[str, float]]) -> None:
    islands = shoal.Islands(3, searches=["de", "evolution", "pso"], migration_probability=0.0)
    study = shoal.Study({"x": (0.0, 1.0), "y": (0.0, 1.0)}, islands=islands, seed=1, start=start)
    for _ in range(400):  # evolution first waits for a hundred of its island's
        trial = study.ask()
        study.tell(trial, (trial.params["x"] - 0.3) ** 2 + trial.params["y"])
    layout, found = Layout(islands, 1), Counter[tuple[int, int]]()
    for trial in study.trials[len(start) :]:
        words = {"crossed with": 0, "another": 1, "particle": 2}
        found.update((layout.island(trial.number), by) for word, by in words.items() if word in trial.why)
    assert set(found) == {(0, 0), (1, 1), (2, 2)}
