"""Peers on a real Ray cluster: nodes, heads and drivers are really killed, and every trial has one outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from clusters import cluster, cluster_of_its_own, one_more_node
from conftest import alive, pids_in, wait_until
from shoal.records import Ended, Started
from shoal.study import Study

LONG = 200  # seconds that peers may take to begin, or to end, on a busy machine
LEASE = 10.0  # seconds, that no peer is silent for, be the machine as busy as it may
ALL = 10**9
pytestmark = pytest.mark.timeout(900)
SCRIPT = """
import json, os, sys, time
import shoal

def train(params, trial):
    open(f"{os.getpid()}.pid", "w").write(str(os.getpid()))
    while trial.number >= HELD and not os.path.exists("go"):
        time.sleep(0.02)
    for epoch in range(1, 4):
        time.sleep(float(os.environ.get("PAUSE", 0)) if not os.path.exists("go") else 0)
        yield {"loss": params["x"] + 1 / epoch, "device": trial.device}

if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    given = {"engine": "ray", "store": "study.db", "name": "s", "seed": 0, "search": "random", **options}
    study = shoal.tune(train, {"x": (0.0, 1.0)}, **given)
    print(json.dumps({"ended": study.ended, "trials": len(study.trials)}))
"""


started = list[subprocess.Popen[bytes]]()


@pytest.fixture(autouse=True)
def no_driver_is_left_running(nothing_is_left_running: None) -> Iterator[None]:
    yield
    while started:
        if (driver := started.pop()).poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
            driver.wait()


def start(
    address: str, pause: float = 0.0, settings: dict[str, Any] | None = None, held: int = ALL, **options: Any
) -> Any:
    """A driver, in a process of its own. Trials from the number ``held`` on wait for a file ``go``."""
    code = SCRIPT.replace('os.environ.get("PAUSE", 0)', str(pause)).replace("HELD", str(held))
    Path("train.py").write_text(code)
    asked = {"workers": 4, "lease": LEASE, **options, "engine_settings": {"address": address, **(settings or {})}}
    with open("said", "w") as said:
        started.append(
            subprocess.Popen(
                [sys.executable, "train.py", json.dumps(asked)], stdout=said, stderr=said, start_new_session=True
            )
        )
    return started[-1]


def said(driver: subprocess.Popen[bytes], seconds: float = 200) -> dict[str, Any]:
    assert driver.wait(seconds) == 0, Path("said").read_text()
    return dict(json.loads(next(line for line in Path("said").read_text().splitlines() if line.startswith("{"))))


def done(name: str = "s") -> list[int]:
    try:
        return [trial.number for trial in Study.open(name, "study.db").trials if trial.outcome == "done"]
    except shoal.StoreError:  # it is being made
        return []


def running() -> list[int]:
    return [trial.number for trial in Study.open("s", "study.db").trials if trial.outcome == "running"]


def outcomes(name: str = "s") -> Counter[int]:
    """How often each trial was done, by the journal itself; what a batch holds that came twice counts once."""
    records = set[tuple[int, int]]()
    for record in Study.open(name, "study.db")._journal.store.read(name, 0)[0]:
        if isinstance(record, Ended) and record.outcome == "done":
            records.add((record.number, record.attempt))
    return Counter(number for number, _ in records)


def attempts(name: str = "s") -> dict[int, int]:
    """The last attempt at each trial."""
    records = Study.open(name, "study.db")._journal.store.read(name, 0)[0]
    return {record.number: record.attempt for record in records if isinstance(record, Started)}


def peers_alive() -> list[int]:
    return [pid for pid in pids_in(Path()) if alive(pid)]


@pytest.mark.parametrize(("client", "name"), [(False, "s"), (True, "naïve $(touch owned) '; DROP TABLE 🐟")])
def test_a_study_over_four_peers_gives_exactly_the_trials_that_were_asked_for(client: bool, name: str) -> None:
    driver = start(cluster(client), trials=40, name=name)
    assert said(driver)["ended"] == "all 40 trials have ended"
    study = Study.open(name, "study.db")
    assert [trial.number for trial in study.trials] == list(range(40))
    assert {trial.outcome for trial in study.trials} == {"done"}
    assert study.best.metrics["device"] == "cpu"
    assert "40/40 trials" in Path("said").read_text()
    assert not Path("owned").exists()
    wait_until(lambda: not peers_alive(), LONG)


def test_a_node_that_dies_in_mid_trial_costs_no_trial(folder: Path) -> None:
    with one_more_node(folder, cpus=3) as node:  # the two others of the cluster have room for one such peer each
        driver = start(cluster(), held=6, settings={"cpus_per_peer": 3}, workers=3, trials=30, retries=2)
        wait_until(lambda: len(done()) == 6 and len(running()) == 3, LONG)
        node.kill()
        Path("go").touch()  # what was lost with it is run elsewhere
        assert said(driver)["ended"] == "all 30 trials have ended"
    assert outcomes() == Counter(range(30))
    assert [attempt for attempt in attempts().values() if attempt] == [1]


def test_ctrl_c_lets_running_trials_end_and_leaves_no_peer_behind() -> None:
    driver = start(cluster(), pause=0.1, trials=300, grace=20)
    wait_until(lambda: len(done()) > 6, LONG)
    driver.send_signal(signal.SIGINT)
    assert said(driver)["ended"] == "interrupted by Ctrl-C"
    before = done()
    assert {trial.outcome for trial in Study.open("s", "study.db").trials} <= {"done", "paused"}
    wait_until(lambda: not peers_alive(), LONG)
    Path("go").touch()
    assert said(start(cluster(), trials=len(before) + 20))["trials"] == len(before) + 20
    assert outcomes() == Counter(range(len(before) + 20))


def test_a_second_ctrl_c_ends_trials_at_once_and_they_are_run_again() -> None:
    driver = start(cluster(), pause=600, trials=8, grace=600)
    wait_until(lambda: len(peers_alive()) == 4, LONG)
    driver.send_signal(signal.SIGINT)
    wait_until(lambda: "another Ctrl-C" in Path("said").read_text(), LONG)
    driver.send_signal(signal.SIGINT)
    assert said(driver)["ended"] == "interrupted by Ctrl-C"
    assert {trial.outcome for trial in Study.open("s", "study.db").trials} == {"paused"}
    wait_until(lambda: not peers_alive(), LONG)
    Path("go").touch()
    assert said(start(cluster(), trials=8))["ended"] == "all 8 trials have ended"


def test_peers_end_with_a_driver_that_is_killed_with_9_and_joining_again_goes_on() -> None:
    driver = start(cluster(), pause=0.1, held=20, trials=60, retries=5)  # an heir may be killed a moment later
    wait_until(lambda: len(done()) > 6, LONG)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not peers_alive(), LONG)
    before = done()
    Path("go").touch()
    assert said(start(cluster(), trials=60))["ended"] == "all 60 trials have ended"
    assert outcomes() == Counter(range(60))
    assert set(before) <= set(done())


def test_a_study_goes_on_after_its_head_was_killed_and_started_again(folder: Path) -> None:
    with cluster_of_its_own(folder, 7101) as made:
        driver = start("127.0.0.10:7101", pause=0.1, held=20, trials=60, workers=3, retries=5)
        wait_until(lambda: len(done()) > 6, LONG)
        for node in made:
            node.kill()
        assert driver.wait(LONG) != 0  # the cluster is gone, and so are its peers
        assert "start the cluster again" in Path("said").read_text()
        before = done()
        assert before
    with cluster_of_its_own(folder, 7101):
        Path("go").touch()
        assert said(start("127.0.0.10:7101", trials=60, workers=3))["ended"] == "all 60 trials have ended"
    assert outcomes() == Counter(range(60))
    assert set(before) <= set(done())


def test_what_an_objective_raises_ends_its_trial_alone(folder: Path) -> None:
    study = tune(moody, trials=12)
    failed = [trial for trial in study.trials if trial.outcome == "failed"]
    assert failed
    assert all("ValueError: a bad mood" in trial.reason for trial in failed)
    assert len(study.trials) == 12


def moody(params: dict[str, float]) -> float:
    if params["x"] > 0.5:
        raise ValueError("a bad mood")
    return params["x"]


def poison(params: dict[str, float]) -> float:
    if params["x"] > 0.8:
        os.kill(os.getpid(), signal.SIGKILL)
    return params["x"]


def test_a_trial_that_kills_its_process_each_time_is_failed_and_the_study_goes_on() -> None:
    study = tune(poison, trials=10)
    bad = [trial for trial in study.trials if trial.outcome != "done"]
    assert bad
    assert all(trial.outcome == "failed" and trial.params["x"] > 0.8 for trial in bad)
    assert all("Ray says: The actor is dead" in trial.reason for trial in bad)
    assert len(study.trials) == 10


def test_islands_are_the_same_on_a_cluster() -> None:
    study = tune(calm, trials=60, search="genetic", islands=shoal.Islands(2, policy="migrate"))
    assert Counter(len(trial.islands) for trial in study.trials) == {1: 60}
    assert sum(map(len, study.islands)) == 60
    assert any(
        trial.islands != (study._journal.history.migrations.layout.island(trial.number),) for trial in study.trials
    )


def calm(params: dict[str, float]) -> float:
    return params["x"]


def endless(params: dict[str, float]) -> float:
    while params["x"] > 0.8:
        pass
    return params["x"]


def test_an_endless_trial_is_killed_at_its_timeout() -> None:
    study = tune(endless, trials=6, trial_timeout=2.0)
    bad = [trial for trial in study.trials if trial.outcome == "failed"]
    assert bad
    assert all("ran longer than trial_timeout=2 s" in trial.reason for trial in bad)
    assert len(study.trials) == 6


def over_nodes(params: dict[str, float]) -> dict[str, Any]:
    import ray

    @ray.remote(num_cpus=1)
    def where() -> str:
        return str(ray.util.get_node_ip_address())

    group = ray.util.get_current_placement_group()
    strategies = [ray.util.scheduling_strategies.PlacementGroupSchedulingStrategy(group, k) for k in range(2)]
    places = ray.get([where.options(scheduling_strategy=strategy).remote() for strategy in strategies])
    return {"loss": params["x"], "nodes": len(set(places))}


def test_a_trial_over_two_nodes_has_both_of_them() -> None:
    study = tune(over_nodes, trials=4, settings={"nodes_per_peer": 2})
    assert [trial.metrics.get("nodes") for trial in study.trials] == [2] * 4


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cpu_per_peer": 1}, "did you mean 'cpus_per_peer'"),
        ({"cpus_per_peer": -1}, "amounts of 0 or more"),
        ({"cpus_per_peer": float("nan")}, "amounts of 0 or more"),
        ({"resources": {"a100": "many"}}, "engine ray, resources.*: expected float, got str"),
        ({"resources": {"GPU": 1}}, "GPU is gpus"),
        ({"nodes_per_peer": 0}, "nodes_per_peer >= 1"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(shoal.StudyError, match=words):
        shoal.tune(moody, {"x": (0.0, 1.0)}, engine="ray", engine_settings=settings)


def test_settings_are_refused_where_the_engine_has_none() -> None:
    with pytest.raises(shoal.StudyError, match="unknown setting of engine local 'address'"):
        shoal.tune(moody, {"x": (0.0, 1.0)}, engine_settings={"address": "auto"})


def tune(objective: Any, settings: dict[str, Any] | None = None, **options: Any) -> Study:
    given = {"search": "random", "seed": 0, "lease": LEASE, **options}
    return shoal.tune(
        objective, {"x": (0.0, 1.0)}, workers=2, store="study.db", name="s", engine="ray",
        engine_settings={"address": cluster(), **(settings or {})}, progress=False, **given,
    )  # fmt: skip
