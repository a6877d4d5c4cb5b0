"""The task of propulate_surrogate.py in Shoal's own words: a generator, islands, and a stopping rule.

Run it as it stands: ``python examples/propulate_surrogate_native.py``. ``--stopping forecast`` is the rule that models
the params as well; ``--engine mpi`` is for ``mpiexec``.
"""

import argparse

import torch
from propulate_data import MNIST, Compose, Normalize, ToTensor
from propulate_surrogate import Net
from torch import nn
from torch.utils.data import DataLoader

import shoal

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def loaders(batch_size):
    seen = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
    train, valid = MNIST(train=True, transform=seen), MNIST(train=False, transform=seen)
    return DataLoader(train, batch_size, shuffle=True), DataLoader(valid, 100)


def train(params, trial):
    """Yields the validation loss after each epoch."""
    lossy, activation = nn.CrossEntropyLoss(), ACTIVATIONS[params["activation"]]
    network = Net(params["conv_layers"], activation, params["lr"], lossy).to(trial.device)
    optimizer = network.configure_optimizers()
    examples, valid = loaders(params["batch_size"])
    for _ in range(params["epochs"]):
        network.train()
        for batch in examples:
            optimizer.zero_grad()
            network.training_step([part.to(trial.device) for part in batch]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            losses = [network.validation_step([part.to(trial.device) for part in batch]) for batch in valid]
        yield {"loss": torch.stack(losses).mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--stopping", choices=["none", "baseline", "forecast"], default="baseline")
    parser.add_argument("--engine", choices=["local", "mpi"], default="local")
    given = parser.parse_args()
    space = {
        "conv_layers": shoal.randint(2, 10),
        "activation": ["relu", "sigmoid", "tanh"],
        "lr": shoal.loguniform(1e-4, 1e-2),
        "batch_size": 8,
        "epochs": 3,
    }
    study = shoal.tune(
        train, space, metric="loss", trials=given.trials, workers=given.workers, engine=given.engine,
        islands=shoal.Islands(2, topology="ring", migration_probability=0.5), search="genetic",
        stopping=given.stopping, seed=0, store="dir:native_ckpts",
    )  # fmt: skip
    if study.speaks:
        stopped = sum(trial.outcome == "stopped" for trial in study.trials)
        print(f"best loss {study.best.value:.4f} with {study.best.params}; {stopped} trials were stopped")
