"""Each peer gets its share of the GPUs and of the CPU threads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import shoal
from shoal.cli.app import app
from shoal.engines.shares import THREADS, VISIBLE, cpu_sets, cpus, gpu_shares, share, visible_gpus
from trainings import meet


@pytest.mark.parametrize(
    ("gpus", "workers", "visible", "shares"),
    [
        (1, 2, "01", [["0"], ["1"]]),
        (2, 2, "0123", [["0", "1"], ["2", "3"]]),
        (0.5, 4, "01", [["0"], ["0"], ["1"], ["1"]]),
        (0.25, 3, "0", [["0"], ["0"], ["0"]]),
        (None, 4, "01", [["0"], ["0"], ["1"], ["1"]]),
        (None, 2, "0123", [["0", "1"], ["2", "3"]]),
        (None, 3, "", [[], [], []]),
        (0, 2, "01", [[], []]),
    ],
)
def test_gpus_are_shared_out_whole_or_in_parts(
    gpus: float | None, workers: int, visible: str, shares: list[list[str]]
) -> None:
    assert gpu_shares(gpus, workers, list(visible)) == shares


@pytest.mark.parametrize(("gpus", "workers"), [(1, 3), (0.5, 5), (1.5, 1), (-1, 1), (float("nan"), 1)])
def test_too_many_gpus_or_odd_shares_are_refused(gpus: float, workers: int) -> None:
    with pytest.raises(shoal.StudyError):
        gpu_shares(gpus, workers, ["0", "1"])


def test_cuda_visible_devices_is_respected(tmp_path: Path) -> None:
    assert visible_gpus({VISIBLE: "3, GPU-abc"}) == ["3", "GPU-abc"]
    assert visible_gpus({VISIBLE: ""}) == visible_gpus({VISIBLE: "-1"}) == []
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    assert visible_gpus({}, str(tmp_path / "gpus")) == ["0", "1"]
    assert visible_gpus({}, str(tmp_path / "none")) == []


def test_threads_are_shared_unless_the_user_set_them() -> None:
    added = share(["1"], 2, {"OMP_NUM_THREADS": "7"})
    assert added[VISIBLE] == "1"
    assert "OMP_NUM_THREADS" not in added
    assert all(added[name] == str(max(1, cpus() // 2)) for name in THREADS if name != "OMP_NUM_THREADS")


def test_each_trial_sees_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE, "4,7")
    study = shoal.tune(environment, {"x": (0, 99)}, trials=8, workers=2, search="random", progress=False)
    seen = {(trial.metrics["gpus"], trial.metrics["device"]) for trial in study.trials}
    assert seen <= {("4", "cuda:0"), ("7", "cuda:0")}
    peers = {trial.peer: trial.metrics["gpus"] for trial in study.trials}
    assert len(set(peers.values())) == len(peers)


def environment(params: dict[str, int], trial: object) -> dict[str, object]:
    return {"loss": params["x"], "gpus": os.environ[VISIBLE], "device": trial.device}  # type: ignore[attr-defined]


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"])
def test_what_amd_and_intel_have_for_it_is_respected(variable: str) -> None:
    given = {variable: "4,6"}
    assert visible_gpus(given) == ["4", "6"]
    assert share(["6"], 2, given)[variable] == "6"
    assert "CUDA_VISIBLE_DEVICES" not in share(["6"], 2, given)


def test_cpus_are_dealt_out_by_the_node_that_they_lie_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for node, listed in (("node0", "0-1,4-5\n"), ("node1", "2-3,6-7\n")):
        (tmp_path / node).mkdir()
        (tmp_path / node / "cpulist").write_text(listed)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)))
    assert cpu_sets(2, str(tmp_path)) == [[0, 1, 4, 5], [2, 3, 6, 7]]
    assert cpu_sets(3, str(tmp_path)) == [[0, 1], [4, 5, 2], [3, 6, 7]]
    assert cpu_sets(10, str(tmp_path))[7:] == [[7], [0], [1]]
    assert cpu_sets(2, str(tmp_path / "no such platform")) == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.skipif(cpus() < 2, reason="one CPU alone")
def test_each_worker_that_is_pinned_runs_its_trials_on_cpus_of_its_own(folder: Path) -> None:
    given = {"trials": 40, "workers": 2, "search": "random", "progress": False, "store": str(folder / "s.db")}
    study = shoal.tune(affinity, {"x": (0.0, 1.0)}, engine_settings={"pin": True}, **given)
    sets = {trial.peer: trial.metrics["cpus"] for trial in study.trials}
    assert sorted(sets.values()) == sorted(str(one) for one in cpu_sets(2))
    with pytest.raises(shoal.StudyError, match="unknown setting of engine local 'pins'; did you mean 'pin'"):
        shoal.tune(affinity, {"x": (0.0, 1.0)}, engine_settings={"pins": True}, **given)


@pytest.mark.parametrize(
    ("given", "named"),
    [({"gpus": 1}, "gpus"), ({"wall_time": 60}, "wall_time"), ({"engine_settings": {"pin": True}}, "pin")],
)
def test_what_workers_alone_heed_is_refused_without_any(given: dict[str, Any], named: str) -> None:
    with pytest.raises(shoal.StudyError, match=f"^{named}: workers of 1 or more heed that; workers=0"):
        shoal.tune(affinity, {"x": (0.0, 1.0)}, trials=1, workers=0, progress=False, **given)


@pytest.mark.skipif(cpus() < 2, reason="one CPU alone")
def test_the_command_line_pins_workers_as_well(folder: Path) -> None:
    code = "import os\nfrom trainings import meet\ndef affinity(params):\n    meet(2)\n"
    (folder / "a.py").write_text(code + "    return {'loss': 0.0, 'cpus': str(sorted(os.sched_getaffinity(0)))}\n")
    words = ["tune", "a.py:affinity", "-p", "x=uniform(0, 1)", "-n", "40", "-w", "2", "--name", "s", "--pin", "-q"]
    assert CliRunner().invoke(app, words).exit_code == 0
    trials = shoal.Study.open("s", "shoal.db").trials
    assert {trial.metrics["cpus"] for trial in trials} == {str(one) for one in cpu_sets(2)}


def affinity(params: dict[str, float]) -> dict[str, object]:
    meet(2)
    return {"loss": params["x"], "cpus": str(sorted(os.sched_getaffinity(0)))}
