"""The task of propulate_hpo.py in Shoal's own words: two islands, one that breeds and one that models.

Run it as it stands: ``python examples/propulate_hpo_native.py``; as an MPI job with ``--engine mpi`` behind it.
"""

import argparse

import torch
from lightning import Trainer
from propulate_data import MNIST, Compose, Normalize, ToTensor
from propulate_hpo import Net
from torch import nn
from torch.utils.data import DataLoader

import shoal

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


def loaders(batch_size):
    seen = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
    train, valid = MNIST(train=True, transform=seen), MNIST(train=False, transform=seen)
    return DataLoader(train, batch_size, shuffle=True), DataLoader(valid, 100)


def train(params, trial):
    """The network's best validation accuracy."""
    network = Net(params["conv_layers"], ACTIVATIONS[params["activation"]], params["lr"], nn.CrossEntropyLoss())
    gpu = trial.device != "cpu"  # each peer sees GPUs of its own
    trainer = Trainer(
        max_epochs=params["epochs"], accelerator="gpu" if gpu else "cpu", devices=1, enable_progress_bar=False,
        enable_model_summary=False, logger=False, default_root_dir=trial.directory,
    )  # fmt: skip
    trainer.fit(network, *loaders(params["batch_size"]))
    return {"accuracy": torch.as_tensor(network.best_accuracy)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--engine", choices=["local", "mpi"], default="local")
    given = parser.parse_args()
    space = {
        "conv_layers": shoal.randint(2, 10),
        "activation": ["relu", "sigmoid", "tanh"],
        "lr": shoal.loguniform(1e-4, 1e-2),
        "batch_size": 8,
        "epochs": 2,
    }
    study = shoal.tune(
        train, space, metric="accuracy", goal="maximize", trials=given.trials, workers=given.workers,
        engine=given.engine, islands=shoal.Islands(2, searches=["genetic", "gp"]), seed=0, store="dir:native_ckpts",
    )  # fmt: skip
    if study.speaks:
        print(f"best accuracy {study.best.value:.4f} with {study.best.params}")
        print("living on island 0:", study.islands[0], " on island 1:", study.islands[1])
