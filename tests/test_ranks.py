"""Ranks of a real MPI job as peers: all agree in the end, none is idle, and a job that was killed is gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from conftest import wait_until
from shoal.records import Started
from shoal.study import Study

MPIEXEC = Path(sys.executable).parent / "mpiexec"
LOOPBACK = {"HYDRA_IFACE": "lo", "FI_TCP_IFACE": "lo", "UCX_NET_DEVICES": "lo", "UCX_LOG_LEVEL": "error"}
SCRIPT = """
import glob, json, os, sys, time
import shoal
from mpi4py import MPI

devices = []

def meet():
    # no rank has run all trials before the others have begun one
    open(f"here-{MPI.COMM_WORLD.rank}", "w").close()
    while len(glob.glob("here-*")) < MPI.COMM_WORLD.size:
        time.sleep(0.01)

def train(params, trial):
    meet()
    devices[:] = [trial.device]
    for epoch in range(1, 10):
        time.sleep(float(os.environ.get("PAUSE", "0.001")))
        yield {"loss": params["x"] + 1 / epoch}

class Together:
    def __init__(self, trial):
        meet()
        self.file = open(f"seen-{MPI.COMM_WORLD.rank}", "a")
        self.trial = trial

    def see(self, what):
        print(self.trial.number, self.trial.attempt, what, file=self.file, flush=True)


def generates(params, trial):
    seen = Together(trial)
    try:
        for epoch in range(trial.last_step + 1, 10):
            loss = trial.comm.allreduce(params["x"]) / trial.comm.size + 1 / epoch
            if trial.number == 3 and trial.comm.rank == 1:
                raise ArithmeticError("the second half of the domain diverged")
            if trial.number == 4 and trial.comm.rank == 1:
                return
            yield {"epoch": epoch, "loss": loss}
            seen.see(epoch)
    finally:
        seen.see("closed")


def reports(params, trial):
    seen = Together(trial)
    for epoch in range(trial.last_step + 1, 10):
        trial.report(epoch, loss=trial.comm.allreduce(params["x"]) / trial.comm.size + 1 / epoch)
        seen.see(epoch)


options = json.loads(sys.argv[1])
train = globals()[options.pop("train", "train")]
given = {"engine": "mpi", "store": "study.db", "name": "s", "seed": 0, "progress": False, **options}
study = shoal.tune(train, {"x": (0.0, 1.0)}, **given)
told = {"rank": MPI.COMM_WORLD.rank, "ended": study.ended, "best": study.best.number, "value": study.best.value,
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "device": devices, "trials": len(study.trials),
        "done": [trial.number for trial in study.trials if trial.outcome == "done"]}
with open(f"rank-{MPI.COMM_WORLD.rank}.json", "w") as file:
    json.dump(told, file)
"""

BACKLOG = """
import os, time
from mpi4py import MPI
from shoal.records import Defined, Definition, Ordered
from shoal.stores.memory import MemoryStore
from shoal.stores.mpi import MpiStore

world, lasting = MPI.COMM_WORLD, None
if world.rank == 0:
    lasting = MemoryStore("memory")
    lasting.create("s", Defined(1, Definition(name="s", space={}), 0.0))
store = MpiStore(world, "s", None, lasting, "job")
if world.rank == 0:
    for version in range(1, 201):
        store.append("s", "rank 0", [Ordered(version, "go", "", 0.0)])
    open("sent", "w").close()
    while not os.path.exists("heard"):
        store.tend()
        time.sleep(0.001)
else:
    while not os.path.exists("sent"):
        time.sleep(0.001)
    cursor, heard, looks = 0, 0, 0
    while heard < 201:  # the definition, too
        records, cursor = store.read("s", cursor)
        heard, looks = heard + len(records), looks + 1
        time.sleep(0.01)
    print("looks:", looks)
    open("heard", "w").close()
store.finish()
"""

pytestmark = pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec beside this Python: pip install mpich mpi4py")


def start(
    ranks: int, pause: float = 0.001, launcher: Sequence[str] = (str(MPIEXEC),), **options: Any
) -> subprocess.Popen[str]:
    Path("train.py").write_text(SCRIPT)
    return subprocess.Popen(
        [*launcher, "-n", str(ranks), sys.executable, "train.py", json.dumps(options)],
        env={**os.environ, **LOOPBACK, "PAUSE": str(pause)}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def run(ranks: int, **options: Any) -> list[dict[str, Any]]:
    """What each rank made of a study."""
    process = start(ranks, **options)
    try:
        said, _ = process.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
    assert process.returncode == 0, said
    return [json.loads(Path(f"rank-{rank}.json").read_text()) for rank in range(ranks)]


def attempts() -> Counter[tuple[int, int]]:
    records = Study.open("s", "study.db")._journal.store.read("s", 0)[0]
    return Counter((record.number, record.attempt) for record in records if isinstance(record, Started))


def test_every_rank_is_a_peer_and_all_agree_in_the_end() -> None:
    told = run(4, trials=60, search="random")
    assert [{**one, "rank": 0} for one in told] == [told[0]] * 4
    assert told[0]["device"] == ["cpu"]
    assert told[0]["ended"] == "all 60 trials have ended"
    study = Study.open("s", "study.db")
    assert [trial.number for trial in study.trials] == list(range(60))
    assert len({trial.peer for trial in study.trials}) == 4
    assert (study.best.number, study.best.value) == (told[0]["best"], told[0]["value"])


def test_a_rank_that_was_busy_for_long_takes_in_at_once_what_others_told_meanwhile() -> None:
    Path("backlog.py").write_text(BACKLOG)
    done = subprocess.run(
        [MPIEXEC, "-n", "2", sys.executable, "backlog.py"], env={**os.environ, **LOOPBACK},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split("looks: ")[1].split()[0]) < 50  # for 200 messages


def test_a_trial_that_one_rank_paused_is_promoted_once_by_any() -> None:
    told = run(4, trials=40, search="random", stopping="asha-promote", budget="epoch:1:9")
    assert told[0]["ended"] == "all 40 trials have ended"
    assert told[0]["done"]
    assert set(attempts().values()) == {1}
    best = Study.open("s", "study.db").best
    assert len(best.resumed) == 2


def test_another_number_of_ranks_goes_on() -> None:
    run(3, trials=20, search="random")
    told = run(2, trials=50, search="random")
    assert told[0]["trials"] == 50
    assert [trial.number for trial in Study.open("s", "study.db").trials] == list(range(50))


def test_a_job_that_was_killed_is_gone_on_with_and_no_trial_that_ended_is_run_again() -> None:
    process = start(3, pause=0.02, trials=60, search="random")
    wait_until(lambda: Path("study.db").exists() and len(_done()) > 8, 60)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    done = _done()
    told = run(3, trials=60, search="random", lease=10.0)
    assert told[0]["ended"] == "all 60 trials have ended"
    assert sorted(told[0]["done"]) == list(range(60))
    assert all(attempts()[number, 1] == 0 for number in done)


@pytest.mark.parametrize("kind", ["generates", "reports"])
@pytest.mark.parametrize("rule", ["asha", "asha-promote"])
def test_the_ranks_of_a_trial_end_it_at_the_same_step_and_all_agree_in_the_end(kind: str, rule: str) -> None:
    told = run(4, train=kind, trials=30, search="random", stopping=rule, budget="epoch:1:9", ranks_per_trial=2)
    assert [{**one, "rank": 0} for one in told] == [told[0]] * 4
    study = Study.open("s", "study.db")
    assert [trial.number for trial in study.trials] == list(range(30))
    assert len({trial.peer for trial in study.trials}) == 2
    seen = [Path(f"seen-{rank}").read_text() for rank in range(4)]
    assert (seen[0], seen[2]) == (seen[1], seen[3])
    outcomes = Counter(trial.outcome for trial in study.trials)
    assert outcomes["stopped"] > 10
    assert outcomes["done"] >= 1
    if kind == "generates":
        assert {n: study.trials[n].outcome for n in (3, 4)} == {3: "failed", 4: "failed"}
        assert "rank 1 of 2: ArithmeticError: the second half" in study.trials[3].reason
        assert "rank 1 of 2: it is at the end and rank 0 at step 1" in study.trials[4].reason


@pytest.mark.usefixtures("slurm")
def test_ranks_that_slurm_starts_are_peers_too() -> None:
    told = run(4, launcher=["srun", "--mpi=pmi2", "--overcommit"], train="reports", trials=12, search="random",
               ranks_per_trial=2)  # fmt: skip
    assert [{**one, "rank": 0} for one in told] == [told[0]] * 4
    assert told[0]["done"] == list(range(12))


def test_ranks_that_make_no_whole_teams_are_refused_on_every_rank() -> None:
    process = start(3, train="reports", trials=4, ranks_per_trial=2)
    said, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert said.count("3 ranks make no whole number of teams of ranks_per_trial=2: start 2, 4, 6") >= 3


def _done() -> list[int]:
    from shoal.errors import StoreError

    try:
        return [trial.number for trial in Study.open("s", "study.db").trials if trial.outcome == "done"]
    except StoreError:  # it is being made
        return []


def test_the_ranks_of_a_node_share_its_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,3,5,7")
    told = run(2, trials=8, search="random")
    assert sorted(one["gpus"] for one in told) == ["2,3", "5,7"]
    assert all(one["device"] == ["cuda:0"] for one in told)


def test_a_study_that_cannot_begin_says_so_on_every_rank_and_hangs_none() -> None:
    process = start(3, trials=-1)
    said, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert "trials must be above 0" in said
