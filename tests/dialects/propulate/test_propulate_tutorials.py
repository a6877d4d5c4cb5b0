"""The code of Propulate's two tutorials with its imports changed, around a network that needs no PyTorch: its limits,
its propagators, its islands and surrogates, in one process, on local peers and as an MPI job."""

from __future__ import annotations

import pytest
from evolving import script

from shoal.study import Study

NETWORK = """
import random, sys
from mpi4py import MPI
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier
from shoal.dialects.propulate import Islands, get_default_propagator, set_logger_config, surrogate

WORKERS = int(sys.argv[1]) or None
log_path = "torch_ckpts"
images, labels = (part[:200] for part in load_digits(return_X_y=True))

def epochs_of(params, count):
    conv_layers = int(params["conv_layers"])
    activation = {"relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}[params["activation"]]
    model = MLPClassifier([10] * (conv_layers - 1), activation=activation, learning_rate_init=float(params["lr"]))
    for _ in range(count):
        model.partial_fit(images, labels, classes=range(10))
        yield model
"""
FIRST = f"""{NETWORK}
def ind_loss(params):
    *_, model = epochs_of(params, 2)
    MPI.COMM_WORLD.Barrier()
    return -model.score(images, labels)

if __name__ == "__main__":
    set_logger_config()
    num_generations = 3  # Number of generations
    pop_size = 2 * MPI.COMM_WORLD.size  # Breeding population size
    limits = {{
        "conv_layers": (2, 10),
        "activation": ("relu", "sigmoid", "tanh"),
        "lr": (0.01, 0.0001),
    }}  # Search space
    rng = random.Random(
        MPI.COMM_WORLD.rank
    )  # Set up separate random number generator for evolutionary optimizer.
    propagator = get_default_propagator(  # Get default evolutionary operator.
        pop_size=pop_size,  # Breeding population size
        limits=limits,  # Search space
        mate_prob=0.7,  # Crossover probability
        mut_prob=0.4,  # Mutation probability
        random_prob=0.1,  # Random-initialization probability
        rng=rng,  # Random number generator for evolutionary optimizer
    )
    islands = Islands(  # Set up island model.
        loss_fn=ind_loss,  # Loss function to optimize
        propagator=propagator,  # Evolutionary operator
        rng=rng,  # Random number generator
        generations=num_generations,  # Number of generations per worker
        num_islands=1,  # Number of islands
        checkpoint_path=log_path, **({{"workers": WORKERS}} if WORKERS else {{}})
    )
    islands.evolve(  # Run evolutionary optimization.
        top_n=1,  # Print top-n best individuals on each island in summary.
        logging_interval=1,  # Logging interval
        debug=2,  # Verbosity level
    )
"""
SECOND = f"""{NETWORK}
def ind_loss(params):
    for model in epochs_of(params, 5):
        yield model.loss_

if __name__ == "__main__":
    set_logger_config()
    comm = MPI.COMM_WORLD
    comm.Barrier()

    num_generations = 3  # Number of generations
    pop_size = 2 * comm.size  # Breeding population size
    limits = {{
        "conv_layers": (2, 10),
        "activation": ("relu", "sigmoid", "tanh"),
        "lr": (0.01, 0.0001),
    }}  # Define search space.
    rng = random.Random(
        comm.rank
    )  # Set up separate random number generator for evolutionary optimizer.
    propagator = get_default_propagator(  # Get default evolutionary operator.
        pop_size=pop_size,  # Breeding population size
        limits=limits,  # Search space
        crossover_prob=0.7,  # Crossover probability
        mutation_prob=0.4,  # Mutation probability
        random_init_prob=0.1,  # Random-initialization probability
        rng=rng,  # Random number generator for evolutionary optimizer
    )
    islands = Islands(  # Set up island model.
        loss_fn=ind_loss,  # Loss function to optimize
        propagator=propagator,  # Evolutionary operator
        rng=rng,  # Random number generator
        generations=num_generations,  # Number of generations per worker
        num_islands=1,  # Number of islands
        checkpoint_path=log_path, **({{"workers": WORKERS}} if WORKERS else {{}}),
        surrogate_factory=lambda: surrogate.StaticSurrogate(),
    )
    islands.evolve(  # Run evolutionary optimization.
        top_n=1,  # Print top-n best individuals on each island in summary.
        logging_interval=1,  # Logging interval
        debug=2,  # Verbosity level
    )
"""
THIRD = SECOND.replace("surrogate.StaticSurrogate()", "surrogate.DynamicSurrogate(limits)")


@pytest.mark.parametrize(("workers", "ranks"), [(0, 0), (4, 0), (0, 4)], ids=["alone", "local", "mpi"])
@pytest.mark.parametrize("text", [FIRST, SECOND, THIRD], ids=["accuracy", "static", "dynamic"])
def test_a_tutorial_runs_with_its_imports_changed(text: str, workers: int, ranks: int) -> None:
    pytest.importorskip("sklearn")
    done = script(text, workers, ranks=ranks)
    assert done.returncode == 0, done.stderr
    asked = 3 * max(workers, ranks, 1)
    study = Study.open("ind_loss", "dir:torch_ckpts/propulate.store")
    assert [trial.outcome in ("done", "stopped") for trial in study.trials] == [True] * asked
    for trial in study.trials:
        assert 2 <= trial.params["conv_layers"] <= 10
        assert 0.0001 <= trial.params["lr"] <= 0.01
        assert trial.params["activation"] in ("relu", "sigmoid", "tanh")
    assert f"Expected overall number of evaluations is {asked}." in done.stdout
    assert done.stdout.count("Top 1 result(s) on island 0:\n(1): [") == 1
    assert f"loss {study.best.value:.2E}" in done.stdout


def test_a_tutorial_whose_evaluations_fail_says_why_and_goes_on() -> None:
    pytest.importorskip("sklearn")
    done = script(SECOND.replace("model.loss_", "model.nothing"), 0)
    assert "3 evaluations failed" in done.stdout
    assert "has no attribute 'nothing'" in done.stdout
    assert script(SECOND.replace("num_generations = 3", "num_generations = 5"), 0).returncode == 0
    outcomes = [trial.outcome for trial in Study.open("ind_loss", "dir:torch_ckpts/propulate.store").trials]
    assert outcomes[:3] == ["failed"] * 3
    assert "failed" not in outcomes[3:]
    assert len(outcomes) == 5
