"""What is wrong in Propulate 1.2.2 and right here; what is about swarms and simplices is tested with those searches."""

from __future__ import annotations

import math
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evolving import LIMITS, bowl, default, evolved, outcomes, population, script

from shoal.dialects.propulate import Individual, Propulator, Surrogate
from shoal.dialects.propulate.propagators import (
    ActiveCMA,
    BasicCMA,
    CMAPropagator,
    Compose,
    Conditional,
    CrossoverSigmoid,
    InitUniform,
    PointMutation,
    Propagator,
    SelectMin,
)
from shoal.dialects.propulate.surrogate import DynamicSurrogate, StaticSurrogate
from shoal.study import Study

KINDS = {"round", "flat", "steep"}


# ---------------------------------------------------------------------- genes


def test_a_categorical_gene_can_take_every_value() -> None:
    mutate = PointMutation(LIMITS, points=3, rng=random.Random(0))
    one = Individual({"x": 0.0, "n": 1, "kind": "round"}, LIMITS)
    assert {mutate(one)["kind"] for _ in range(100)} == KINDS
    begin = InitUniform(LIMITS, rng=random.Random(0))
    assert {begin([])["kind"] for _ in range(100)} == KINDS
    assert {one["kind"] for one in population(evolved(generations=30))} == KINDS


@pytest.mark.parametrize("adapter", [BasicCMA(), ActiveCMA()], ids=["basic", "active"])
def test_cma_stays_within_the_bounds_and_takes_categoricals(adapter: Any) -> None:
    at_the_edge = evolved(lambda params: -params["x"] + params["n"], 60, CMAPropagator(adapter, LIMITS))
    found = population(at_the_edge)
    assert all(-1 <= one["x"] <= 1 and 1 <= one["n"] <= 5 and one["kind"] in KINDS for one in found)
    assert {type(one["n"]) for one in found} == {int}
    assert {one["kind"] for one in found} == KINDS
    assert min(one.loss for one in found) < 0.2  # of -1 to 6


def test_cma_samples_each_axis_with_its_own_scale() -> None:
    limits = {"small": (0.0, 1e-3), "large": (-2e6, 3e6)}

    def loss(params: Individual) -> float:
        return float((1e3 * params["small"] - 0.3) ** 2 + (params["large"] / 5e6 - 0.2) ** 2)

    found = population(evolved(loss, 200, CMAPropagator(ActiveCMA(), limits)))
    first = np.array([[1e3 * one["small"], (one["large"] + 2e6) / 5e6] for one in found[:40]])
    assert first.std(axis=0).min() > 0.1  # of each range; 0.29 is uniform
    best = min(found, key=lambda one: one.loss)
    assert best["small"] == pytest.approx(3e-4, abs=2e-5)
    assert best["large"] == pytest.approx(1e6, abs=1e5)


def test_the_sigmoid_crossover_favours_the_better_parent() -> None:
    good, bad = (Individual({"x": x, "n": 1, "kind": "round"}, LIMITS) for x in (-0.5, 0.5))
    good.loss, bad.loss = 1.0, 3.0
    cross = CrossoverSigmoid(temperature=1.0, rng=random.Random(0))
    for parents in ([good, bad], [bad, good]):
        share = np.mean([cross(parents)["x"] == good["x"] for _ in range(1000)])
        assert share == pytest.approx(1 / (1 + math.exp(-2.0)), abs=0.05)  # 0.88; 5 standard errors
    good.loss = bad.loss
    assert np.mean([cross([good, bad])["x"] == good["x"] for _ in range(1000)]) == pytest.approx(0.5, abs=0.08)


@pytest.mark.parametrize("chance", [0.0, 1.0])
@pytest.mark.parametrize("name", ["crossover_prob", "mutation_prob", "random_init_prob", "mate_prob"])
def test_probabilities_may_be_0_and_1(name: str, chance: float) -> None:
    assert len(population(evolved(generations=8, propagator=default(**{name: chance})))) == 8


def test_a_gene_may_be_called_loss() -> None:
    limits = {"loss": ("mse", "mae"), "individual_loss": (0.0, 1.0)}
    made = evolved(lambda params: (params["loss"] == "mse") + params["individual_loss"], 8, default(limits))
    best = made.summarize(top_n=1)[0][0]
    assert best.loss == min(one.loss for one in population(made)) == (best["loss"] == "mse") + best["individual_loss"]


# ---------------------------------------------------------------------- losses


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, None, "0.1", np.array([1.0, 2.0])], ids=repr)
def test_what_is_no_loss_never_wins(bad: object) -> None:
    made = evolved(lambda params: bad if params["x"] < 0 else params["x"], 30)
    assert "failed" in outcomes(made)
    assert all(one["x"] >= 0 and math.isfinite(one.loss) for one in population(made))
    assert made.summarize(top_n=1)[0][0]["x"] >= 0


def test_cma_goes_on_where_some_losses_are_nan() -> None:
    made = evolved(lambda params: math.nan if params["x"] < 0 else bowl(params), 60, CMAPropagator(ActiveCMA(), LIMITS))
    assert len(outcomes(made)) == 60
    assert made.summarize(top_n=1)[0][0].loss < 1.5  # of 1 to 7


def test_an_evaluation_that_raises_is_told_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    made = evolved(lambda params: 1 / 0 if params["n"] == 3 else bowl(params), 20)
    assert made.summarize(top_n=1, debug=0)[0][0]["n"] != 3
    assert Counter(outcomes(made))["failed"] > 0
    assert "evaluations failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def dies_once(params: Individual) -> float:
    with suppress(FileExistsError):  # the first of all
        Path("dead").touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return bowl(params)


def test_a_local_peer_that_dies_holds_no_other_up_and_its_individual_is_evaluated_again() -> None:
    made = evolved(dies_once, 6, workers=3)
    assert Path("dead").exists()
    assert outcomes(made) == ["done"] * 18


JOB = """
import os, random, signal, sys
from pathlib import Path
from mpi4py import MPI
from shoal.dialects.propulate import Islands, get_default_propagator

LIMITS = {"x": (-1.0, 1.0), "n": (1, 5)}

def first():
    try:
        Path("struck").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

def loss(params):
    if sys.argv[1] == "raise" and first():
        raise ArithmeticError("no")
    if sys.argv[1] == "die" and first():
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[1] == "gpus":
        Path(f"rank-{MPI.COMM_WORLD.rank}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    return params["x"] ** 2 + params["n"]

rng = random.Random(MPI.COMM_WORLD.rank)
propagator = get_default_propagator(4, LIMITS, rng=rng)
islands = Islands(loss, propagator, rng, generations=8, checkpoint_path="ckpt")
best = islands.evolve(top_n=1, debug=0)
assert len(set(MPI.COMM_WORLD.allgather(str(best)))) == 1
"""


def in_the_journal() -> Counter[str]:
    return Counter(trial.outcome for trial in Study.open("loss", "dir:ckpt/propulate.store").trials)


def test_a_rank_that_raises_does_not_hang_the_others() -> None:
    done = script(JOB, "raise", ranks=3)
    assert done.returncode == 0, done.stderr
    assert in_the_journal() == {"failed": 1, "done": 23}


def test_a_rank_that_dies_ends_the_job_and_the_next_job_goes_on() -> None:
    assert script(JOB, "die", ranks=3).returncode != 0  # and does not hang
    done = script(JOB, "die", ranks=3)
    assert done.returncode == 0, done.stderr
    assert in_the_journal() == {"done": 24}


def test_what_only_the_first_rank_meets_is_raised_on_all() -> None:
    Path("ckpt").mkdir()
    Path("ckpt/propulate.store").write_text("this is no store")
    done = script(JOB, "", ranks=3)
    assert done.returncode != 0
    assert "propulate.store" in done.stderr


def test_a_rank_sees_all_gpus_as_scripts_choose_theirs_by_rank() -> None:
    done = script(JOB, "gpus", ranks=2, CUDA_VISIBLE_DEVICES="0,1,2,3")
    assert done.returncode == 0, done.stderr
    assert {path.read_text() for path in Path().glob("rank-*")} == {"0,1,2,3"}


# ---------------------------------------------------------------------- surrogates


def negative(params: Individual) -> Iterator[float]:
    """From 0 down to -1 - x²: the less the better, all of it below 0."""
    for epoch in range(1, 7):
        yield -(1 + params["x"] ** 2) * epoch / 6


SURROGATES: dict[str, Callable[[], Surrogate]] = {
    "static": lambda: StaticSurrogate(margin=0.9),
    "dynamic": lambda: DynamicSurrogate(LIMITS),
}
BOTH = pytest.mark.parametrize("factory", SURROGATES.values(), ids=SURROGATES)


@BOTH
def test_a_surrogate_understands_negative_losses(factory: Callable[[], Surrogate]) -> None:
    made = evolved(negative, 40, surrogate_factory=factory)
    cancelled = [one for one in population(made) if one.cancelled]
    best = made.summarize(top_n=1)[0][0]
    assert cancelled
    assert max(one["x"] ** 2 for one in cancelled) <= best["x"] ** 2  # none that would have been better
    assert best["x"] ** 2 > 0.8


@BOTH
def test_a_plain_function_goes_with_a_surrogate(factory: Callable[[], Surrogate]) -> None:
    assert outcomes(evolved(bowl, 12, surrogate_factory=factory)) == ["done"] * 12


@BOTH
def test_a_loss_function_may_yield_more_often_than_the_best_did(factory: Callable[[], Surrogate]) -> None:
    lengths = count(3)

    def longer_and_longer(params: Individual) -> Iterator[float]:
        """Each evaluation yields once more than the one before, and is better all along."""
        length = next(lengths)
        for epoch in range(length):
            yield 100.0 / length + 1 / (1 + epoch)

    made = evolved(longer_and_longer, 30, surrogate_factory=factory)
    assert len(population(made)) == 30
    done = [len(trial.reports) for trial in made.propulator.study.trials if trial.outcome == "done"]
    assert sum(length > max(done[:place], default=99) for place, length in enumerate(done)) >= 5


def test_the_dynamic_surrogate_takes_categoricals() -> None:
    def loss(params: Individual) -> Iterator[float]:
        for epoch in range(1, 9):
            yield {"round": 0.0, "steep": 4.0, "flat": 9.0}[params["kind"]] + params["x"] ** 2 + 1 / epoch

    made = evolved(loss, 40, surrogate_factory=SURROGATES["dynamic"])
    cancelled = [one for one in population(made) if one.cancelled]
    assert cancelled
    assert "round" not in {one["kind"] for one in cancelled if one["x"] ** 2 < 0.01}
    assert made.summarize(top_n=1)[0][0]["kind"] == "round"


class Sees(Propagator):
    """Breeds from the best, and remembers which losses it was shown."""

    limits = LIMITS
    seen: set[float]

    def __init__(self) -> None:
        super().__init__()
        self.seen = set()

    def __call__(self, inds: list[Individual]) -> Individual:
        self.seen |= {one.loss for one in inds}
        return inds[0]


class Impatient(Surrogate):
    """Cancels all with an n above 2, after what looks like a very good loss."""

    def start_run(self, ind: Individual) -> None:
        self.n = ind["n"]

    def cancel(self, loss: float) -> bool:
        return bool(self.n > 2)

    def update(self, loss: float) -> None:
        pass

    def merge(self, data: object) -> None:
        pass

    def data(self) -> None:
        pass


def begins_well(params: Individual) -> Iterator[float]:
    yield -1000.0
    yield bowl(params)


def test_a_cancelled_individual_is_marked_and_never_competes_as_if_it_had_finished() -> None:
    sees = Sees()
    breed = Compose([SelectMin(10), sees, PointMutation(LIMITS, rng=random.Random(0))])
    propagator = Conditional(3, breed, InitUniform(LIMITS, rng=random.Random(0)))
    made = evolved(begins_well, 40, propagator, surrogate_factory=Impatient)
    found = population(made)
    cancelled = [one for one in found if one.cancelled]
    assert cancelled
    assert all(one.cancelled == (one["n"] > 2) and one.active != one.cancelled for one in found)
    assert {one.loss for one in cancelled} == {-1000.0}
    (best,) = made.summarize(top_n=100)
    assert not any(one.cancelled for one in best)
    assert made.propulator.study.best.value > 0


def test_no_propagator_is_shown_a_cancelled_individual(capsys: pytest.CaptureFixture[str]) -> None:
    class Prints(Sees):
        def __call__(self, inds: list[Individual]) -> Individual:
            print(min(one.loss for one in inds))
            return inds[0]

    propagator = Conditional(3, Compose([Prints(), PointMutation(LIMITS)]), InitUniform(LIMITS))
    evolved(begins_well, 40, propagator, surrogate_factory=Impatient)
    shown = [float(line) for line in capsys.readouterr().out.split()]
    assert shown
    assert min(shown) > 0


# ---------------------------------------------------------------------- what runs leave


def bytes_of(path: str) -> int:
    return sum(file.stat().st_size for file in Path(path).rglob("*") if file.is_file())


def written() -> int:
    """Bytes that this process has written, to whatever file, however often."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["wchar"])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process writes")
def test_a_checkpoint_costs_as_much_per_individual_however_many_there_are() -> None:
    evolved(generations=200)
    size, before = bytes_of("ckpt"), written()
    costs = []
    for generations in (400, 800):
        evolved(generations=generations)
        costs.append(written() - before)
        before += costs[-1]
    assert costs[0] > (bytes_of("ckpt") - size) / 4  # what is counted are the checkpoints of this process
    assert costs[1] < 2.4 * costs[0]  # 400 more than 200 more; written whole each time they cost 4 times as much


def calls(work: Callable[[], object]) -> int:
    """How many functions are called by it."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_summarize_looks_at_10_000_individuals_about_as_often_as_at_one() -> None:
    counts = []
    for generations in (1_000, 10_000):
        run = Propulator(bowl, default(pop_size=20), random.Random(0), generations=generations, checkpoint_path="ckpt")
        run.propulate(debug=0)
        counts.append(calls(lambda run=run: run.summarize(top_n=3, debug=2)))  # type: ignore[misc]
        assert [one.loss for one in run.summarize(top_n=3)[0]] == sorted(one.loss for one in run.population)[:3]
    assert counts[1] < 12 * counts[0]
