"""`shoal.tune` with functions, generators and classes, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from shoal import catalog
from shoal.study import Study

SPACE = {"x": shoal.uniform(-1.0, 1.0), "epochs": 3}


def parabola(params: dict[str, Any]) -> float:
    return float(params["x"] ** 2)


def curve(params: dict[str, Any]) -> Iterator[dict[str, float]]:
    for epoch in range(params["epochs"]):
        yield {"loss": params["x"] ** 2 + 1 / (epoch + 1), "epoch": epoch + 1}


def with_trial(params: dict[str, Any], trial: Any) -> dict[str, Any]:
    (trial.directory / "model.txt").write_text(str(trial.number))
    for step in range(2):
        trial.report(step, loss=params["x"] ** 2 + step)
    return {"loss": params["x"] ** 2, "device": trial.device, "threads": os.environ["OMP_NUM_THREADS"]}


def only_reports(params: dict[str, Any], trial: Any) -> None:
    trial.report(1, loss=params["x"])
    trial.report(2, accuracy=0.5)


class Counting:
    """Counts to three; can be paused."""

    def setup(self, params: dict[str, Any]) -> None:
        self.x, self.count = params["x"], 0

    def step(self) -> dict[str, float] | None:
        if self.count == 3:
            return None
        time.sleep(0.01)
        self.count += 1
        return {"loss": self.x**2 / self.count, "count": self.count}

    def save(self, directory: Path) -> None:
        (directory / "count").write_text(str(self.count))

    def load(self, directory: Path) -> None:
        self.count = int((directory / "count").read_text())


def tune(objective: Any, space: Any = SPACE, **options: Any) -> Study:
    return shoal.tune(objective, space, **{"trials": 6, "seed": 0, "progress": False, **options})


def test_a_function_is_tuned_by_several_peers_to_exactly_so_many_trials() -> None:
    study = tune(parabola, trials=40, workers=3)
    assert [trial.number for trial in study.trials] == list(range(40))
    assert study.best.value == min(trial.params["x"] ** 2 for trial in study.trials)
    assert study.best.params["epochs"] == 3
    assert Path("shoal.db").exists()


def unlucky(params: dict[str, Any], trial: Any) -> Iterator[dict[str, float]]:
    if params["x"] > 0.5:
        raise ValueError("too far out")
    for epoch in range(1, 10):
        yield {"loss": params["x"] ** 2 + 1 / epoch, "epoch": epoch}


@pytest.mark.parametrize("stopping", ["none", "asha", "asha-promote", "hyperband"])
def test_exactly_so_many_trials_are_done_however_many_fail_or_are_stopped(stopping: str) -> None:
    study = tune(
        unlucky, trials=None, done=12, workers=4, search="random", stopping=stopping,
        budget=shoal.Budget("epoch", 1, 9), seed=1,
    )  # fmt: skip
    outcomes = [trial.outcome for trial in study.trials]
    assert outcomes.count("done") == 12
    assert outcomes.count("failed") >= 1
    assert ("stopped" in outcomes) == (stopping != "none")
    assert set(outcomes) <= {"done", "failed", "stopped"}  # none is left open
    more = tune(unlucky, None, name=study.name, trials=None, done=14, workers=2)
    assert [trial.outcome for trial in more.trials].count("done") == 14
    count = len(more.trials) + 2
    assert len(tune(unlucky, None, name=study.name, trials=count, done=50, workers=2).trials) == count


def test_a_generator_reports_each_yield_and_its_last_one_counts() -> None:
    study = tune(curve)
    trial = study.trials[0]
    assert [report.step for report in trial.reports] == [1, 2, 3]
    assert trial.value == pytest.approx(trial.params["x"] ** 2 + 1 / 3)


def test_a_generators_return_value_is_its_result() -> None:
    def returning(params: dict[str, Any]) -> Any:
        yield 5.0
        return {"loss": 1.0}

    assert tune(returning, trials=1).best.value == 1.0


def test_a_generator_that_fails_is_closed() -> None:
    def failing(params: dict[str, Any], trial: Any) -> Any:
        try:
            yield float("nan")
        finally:
            (trial.directory / "closed").touch()

    study = tune(failing, trials=1)
    assert study.trials[0].outcome == "failed"
    assert list(Path().glob("shoal.files/*/000000/closed"))


def test_a_trial_has_a_directory_a_number_a_device_and_its_share_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    study = tune(with_trial, workers=1, name="files")
    assert {trial.metrics["device"] for trial in study.trials} == {"cpu"}
    assert study.trials[3].metrics["threads"] == str(len(os.sched_getaffinity(0)))
    assert Path("shoal.files/files/000003/model.txt").read_text() == "3"
    assert len(study.trials[0].reports) == 2


def test_a_function_that_only_reports_ends_with_its_last_metrics() -> None:
    trial = tune(only_reports, trials=1).best
    assert trial.metrics == {"loss": trial.params["x"], "accuracy": 0.5}


def test_a_class_is_set_up_and_stepped() -> None:
    study = tune(Counting)
    assert {trial.metrics["count"] for trial in study.trials} == {3.0}
    assert len(study.trials[0].reports) == 3


def test_maximising_finds_the_largest_and_keeps_the_sign() -> None:
    study = tune(lambda params: {"accuracy": 1 - params["x"] ** 2}, metric="accuracy", goal="maximize", trials=20)
    assert study.best.value == max(trial.metrics["accuracy"] for trial in study.trials)
    assert study.best.value > 0


def test_a_target_a_patience_and_a_timeout_end_a_study() -> None:
    reached = tune(parabola, trials=None, target=0.05, search="random")
    assert reached.best.value <= 0.05
    assert "target" in reached.ended
    tired = tune(lambda params: 1.0, trials=None, patience=5, workers=0)
    assert len(tired.trials) == 6
    assert "brought nothing better" in tired.ended
    began = time.monotonic()
    timed = tune(parabola, trials=None, timeout=1.0, search="random")
    assert time.monotonic() - began < 60  # with the time that peers take to begin
    assert "timeout" in timed.ended


def test_a_study_is_joined_by_its_name_and_gets_more_trials() -> None:
    tune(parabola, name="grown", trials=5)
    study = tune(parabola, name="grown", trials=9)
    assert len(study.trials) == 9
    again = tune(parabola, name="grown", trials=9)
    assert [trial.params for trial in again.trials] == [trial.params for trial in study.trials]


def test_a_study_is_joined_with_a_wider_space_and_old_trials_count() -> None:
    values = [trial.value for trial in tune(parabola, {"x": (0.5, 1.0)}, name="wide", trials=5).trials]
    study = tune(parabola, {"x": (-1.0, 1.0), "y": shoal.uniform(0, 1, default=0.5)}, name="wide", trials=30)
    assert [trial.value for trial in study.trials[:5]] == values
    assert study.trials[0].params["y"] == 0.5
    assert any(trial.params["x"] < 0 for trial in study.trials)


def test_a_space_that_makes_no_sense_with_the_old_trials_is_refused_with_both_definitions() -> None:
    tune(parabola, {"x": (0.5, 1.0)}, name="fixed", trials=2)
    with pytest.raises(shoal.SpaceError, match=r"(?s)before: uniform\(0.5, 1.0\).*now: +choice\(\['a', 'b'\]\)"):
        tune(parabola, {"x": ["a", "b"]}, name="fixed", trials=3)
    with pytest.raises(shoal.StudyError, match="goal='minimize'"):
        tune(parabola, {"x": (0.5, 1.0)}, name="fixed", goal="maximize")


def test_starting_points_run_first_in_order_and_once() -> None:
    points = [{"x": 0.25}, {"x": -0.5}, {}]
    study = tune(parabola, start=points, trials=12, workers=3)
    assert [trial.params["x"] for trial in study.trials[:2]] == [0.25, -0.5]
    assert study.trials[1].why == "starting point 1"
    assert [trial.why.startswith("starting point") for trial in study.trials].count(True) == 3


@pytest.mark.parametrize("search", ["random", "grid", "latin", "sobol"])  # what others told has no say
def test_the_same_seed_proposes_the_same_whatever_the_number_of_peers(search: str) -> None:
    space = {"x": shoal.randint(0, 50), "y": ["a", "b"]}
    trials = [tune(lambda params: 1.0, space, search=search, trials=8, workers=workers).trials for workers in (0, 2)]
    assert [trial.params for trial in trials[0]] == [trial.params for trial in trials[1]]


@pytest.mark.parametrize("search", ["random", "grid", "genetic"])
def test_a_finite_space_ends_the_study_when_every_point_was_tried(search: str) -> None:
    study = tune(
        lambda params: float(params["x"]), {"x": (1, 3), "y": ["a", "b"]}, search=search, trials=100, workers=2
    )
    tried = [(trial.params["x"], trial.params["y"]) for trial in study.trials]
    assert set(tried) == {(x, y) for x in (1, 2, 3) for y in ("a", "b")}
    assert len(tried) == 6 or search == "genetic"  # two peers may breed the same child at the same moment
    assert "all 6 points" in study.ended


def test_lambdas_and_closures_travel_to_peers_but_not_into_the_store() -> None:
    secret = "x" * 40
    study = tune(lambda params: params["x"] * len(secret), trials=2)
    assert len(study.trials) == 2
    assert secret.encode() not in Path("shoal.db").read_bytes()


def test_what_cannot_travel_is_explained() -> None:
    import threading

    lock = threading.Lock()
    with pytest.raises(shoal.ObjectiveError, match="workers=0"):
        tune(lambda params: float(lock.locked()))
    assert len(tune(lambda params: float(lock.locked()), workers=0).trials) == 6


def test_a_search_of_ones_own_is_an_object_with_begin_tell_and_ask() -> None:
    study = tune(parabola, search=Middle(), trials=3, workers=1)
    assert [trial.params["x"] for trial in study.trials] == [0.0, 0.1, 0.2]
    assert study.trials[1].why == "step 1"


class Middle:
    """Walks from the middle."""

    def begin(self, history: Any) -> None:
        self.told = 0

    def tell(self, record: Any) -> None:
        self.told += 1

    def ask(self, number: int, rng: Any) -> Any:
        from shoal.contracts import Proposal

        return Proposal({"x": number / 10}, f"step {number}")


def test_a_timeout_ends_a_study_in_this_process_whose_function_does_not_yield() -> None:
    study = shoal.tune(
        nap_shortly, {"x": (0.0, 1.0)}, timeout=0.3, workers=0, search="random", trials=100_000, progress=False
    )  # fmt: skip
    assert study.ended == "the timeout of 0.3 s has passed"
    assert 0 < len(study.trials) < 100_000


def nap_shortly(params: dict[str, float]) -> float:
    time.sleep(0.01)
    return params["x"]


def test_a_study_that_peers_are_about_to_run_is_not_begun_otherwise(folder: Path) -> None:
    place = catalog.store("shoal.db")
    shoal.Study({"x": (0.0, 1.0)}, store=place, name="s")
    place.beat("s", "other", 60.0)
    with pytest.raises(shoal.StudyError, match="cannot go on with goal='maximize'"):
        shoal.Study({"x": (0.0, 1.0)}, store=place, name="s", goal="maximize")
    place.leave("s", "other")
    assert shoal.Study({"x": (0.0, 1.0)}, store=place, name="s", goal="maximize").name == "s"


def test_studies_without_a_name_that_begin_at_once_are_studies_of_their_own(folder: Path) -> None:
    """The objective takes a while to import, as those do that need torch."""
    (folder / "slow.py").write_text("import time\ntime.sleep(1)\ndef f(params):\n    return params['x']\n")
    (folder / "begin.py").write_text(
        "import shoal\nshoal.tune('slow:f', {'x': (0.0, 1.0)}, trials=4, search='random', progress=False)\n"
    )
    together = [subprocess.Popen([sys.executable, "begin.py"]) for _ in range(3)]
    assert [one.wait(120) for one in together] == [0, 0, 0]
    assert {name: len(shoal.Study.open(name).trials) for name in ("f-1", "f-2", "f-3")} == {
        "f-1": 4,
        "f-2": 4,
        "f-3": 4,
    }


@pytest.mark.parametrize("url", ["memory", "memory:", ":memory:", "sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_goes_by_all_of_its_names_and_leaves_no_file(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = shoal.tune(parabola, SPACE, store=url, workers=0, trials=3, search="random", progress=False)
    assert len(study.trials) == 3
    with pytest.raises(shoal.StudyError, match="in memory is seen by one process alone: use workers=0"):
        shoal.tune(parabola, SPACE, store=url, workers=2, trials=3)
    assert not list(tmp_path.iterdir())


def test_no_more_workers_start_than_there_are_trials_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("counted.py").write_text(
        "import os, pathlib\npathlib.Path(f'started-{os.getpid()}').touch()\ndef train(params): return params['x']\n"
    )
    study = shoal.tune("counted.py:train", {"x": (0.0, 1.0)}, workers=6, trials=2, search="random", progress=False)
    assert len(study.trials) == 2
    assert len(set(tmp_path.glob("started-*")) - {tmp_path / f"started-{os.getpid()}"}) <= 2
