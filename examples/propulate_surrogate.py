"""Propulate's tutorial on pruning with surrogate models, with its import lines changed: a convolutional network.

Run it as it stands, with peers of this machine, or as an MPI job:

    python examples/propulate_surrogate.py
    python examples/propulate_surrogate.py --workers 4 --surrogate dynamic
    mpiexec -n 4 python examples/propulate_surrogate.py

It needs torch and mpi4py. A run that was stopped goes on from torch_ckpts.
"""

import argparse
import logging
import os
import random
from typing import Dict, Generator, Tuple, Union

import numpy as np
import torch
from mpi4py import MPI
from propulate_data import MNIST, Compose, Normalize, ToTensor
from torch import nn
from torch.utils.data import DataLoader

from shoal.dialects.propulate import Islands, get_default_propagator, set_logger_config, surrogate

EPOCHS: int = int(os.environ.get("EPOCHS", "2"))

log_path = "torch_ckpts"
log = logging.getLogger(__name__)  # Get logger instance.


class Net(nn.Module):
    """Convolutional neural network class."""

    def __init__(
        self, conv_layers: int, activation: torch.nn.modules.activation, lr: float, loss_fn: torch.nn.modules.loss
    ) -> None:
        super().__init__()
        self.lr = lr  # Set learning rate.
        self.loss_fn = loss_fn  # Set the loss function used for training the model.
        self.best_accuracy = 0.0  # Initialize the model's best validation accuracy.
        layers = [nn.Sequential(nn.Conv2d(in_channels=1, out_channels=10, kernel_size=3, padding=1), activation())]
        layers += [
            nn.Sequential(nn.Conv2d(in_channels=10, out_channels=10, kernel_size=3, padding=1), activation())
            for _ in range(conv_layers - 1)
        ]
        self.fc = nn.Linear(in_features=7840, out_features=10)  # MNIST has 10 classes.
        self.conv_layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        b, _, _, _ = x.size()
        x = self.conv_layers(x)
        x = x.view(b, 10 * 28 * 28)
        return self.fc(x)

    def training_step(self, batch: Tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        x, y = batch
        return self.loss_fn(self(x), y)

    def validation_step(self, batch: Tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        x, y = batch
        return self.loss_fn(self(x), y)

    def configure_optimizers(self) -> torch.optim.SGD:
        return torch.optim.SGD(self.parameters(), lr=self.lr)


def get_data_loaders(batch_size: int) -> Tuple[DataLoader, DataLoader]:
    """Get MNIST train and validation dataloaders."""
    data_transform = Compose([ToTensor(), Normalize((0.1307,), (0.3081,))])
    train_loader = DataLoader(
        dataset=MNIST(download=False, root=".", transform=data_transform, train=True),
        batch_size=batch_size,
        shuffle=True,
    )
    val_loader = DataLoader(
        dataset=MNIST(download=False, root=".", transform=data_transform, train=False),
        batch_size=1,
        shuffle=False,
    )
    return train_loader, val_loader


def set_seeds(seed_value: int) -> None:
    random.seed(seed_value)
    np.random.seed(seed_value)
    torch.manual_seed(seed_value)


def ind_loss(params: Dict[str, Union[int, float, str]]) -> Generator[float, None, None]:
    """Yields the validation loss after each epoch."""
    # Extract hyperparameter combination to test from input dictionary.
    conv_layers = int(params["conv_layers"])  # Number of convolutional layers
    activation = str(params["activation"])  # Activation function
    lr = float(params["lr"])  # Learning rate

    epochs: int = EPOCHS  # Number of epochs to train

    rank: int = MPI.COMM_WORLD.rank  # Get rank of current worker.

    num_gpus = torch.cuda.device_count()  # Number of GPUs available
    if num_gpus == 0:
        device = torch.device("cpu")
    else:
        device_index = rank % num_gpus
        device = torch.device(f"cuda:{device_index}" if torch.cuda.is_available() else "cpu")

    log.info(f"Rank: {rank}, Using device: {device}")

    activations = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}  # Define activation function mapping.
    activation = activations[activation]  # Get activation function.
    loss_fn = torch.nn.CrossEntropyLoss()  # Use cross-entropy loss for multi-class classification.

    model = Net(conv_layers, activation, lr, loss_fn).to(device)  # Set up neural network with these hyperparameters.
    model.best_accuracy = 0.0  # Initialize the model's best validation accuracy.

    train_loader, val_loader = get_data_loaders(batch_size=8)  # Get training and validation dataloaders.

    # Configure optimizer.
    optimizer = model.configure_optimizers()

    for epoch in range(epochs):
        model.train()
        total_train_loss = 0
        # Training loop
        for data, target in train_loader:
            data, target = data.to(device), target.to(device)
            # Zero out gradients.
            optimizer.zero_grad()
            # Forward + backward pass and optimizer step to update parameters.
            loss = model.training_step((data, target))
            loss.backward()
            optimizer.step()
            # Update loss.
            total_train_loss += loss.item()

        avg_train_loss = total_train_loss / len(train_loader)
        log.info(f"Epoch {epoch + 1}: Avg Training Loss: {avg_train_loss}")

        # Validation loop
        model.eval()
        total_val_loss = 0
        with torch.no_grad():
            for data, target in val_loader:
                data, target = data.to(device), target.to(device)
                # Forward pass
                loss = model.validation_step((data, target))
                # Update loss.
                total_val_loss += loss.item()

        avg_val_loss = total_val_loss / len(val_loader)
        log.info(f"Epoch {epoch + 1}: Avg Validation Loss: {avg_val_loss}")

        yield avg_val_loss


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, help="peers of this machine, where there is no mpiexec")
    parser.add_argument("--generations", type=int, default=3)
    parser.add_argument("--surrogate", choices=["none", "static", "dynamic"], default="static")
    given = parser.parse_args()
    set_logger_config()

    comm = MPI.COMM_WORLD
    if comm.rank == 0:  # Download data at the top, then we don't need to later.
        MNIST(download=True, root=".", transform=None, train=True)
        MNIST(download=True, root=".", transform=None, train=False)
    comm.Barrier()

    num_generations = given.generations  # Number of generations
    pop_size = 2 * comm.size  # Breeding population size
    limits = {
        "conv_layers": (2, 10),
        "activation": ("relu", "sigmoid", "tanh"),
        "lr": (0.01, 0.0001),
    }  # Define search space.
    rng = random.Random(comm.rank)  # Set up separate random number generator for evolutionary optimizer.
    set_seeds(42 * comm.rank)  # Set seed for torch.
    propagator = get_default_propagator(  # Get default evolutionary operator.
        pop_size=pop_size,  # Breeding population size
        limits=limits,  # Search space
        crossover_prob=0.7,  # Crossover probability
        mutation_prob=0.4,  # Mutation probability
        random_init_prob=0.1,  # Random-initialization probability
        rng=rng,  # Random number generator for evolutionary optimizer
    )
    factories = {
        "none": None,
        "static": lambda: surrogate.StaticSurrogate(),
        "dynamic": lambda: surrogate.DynamicSurrogate(limits),
    }
    islands = Islands(  # Set up island model.
        loss_fn=ind_loss,  # Loss function to optimize
        propagator=propagator,  # Evolutionary operator
        rng=rng,  # Random number generator
        generations=num_generations,  # Number of generations per worker
        num_islands=1,  # Number of islands
        checkpoint_path=log_path,
        surrogate_factory=factories[given.surrogate],
        workers=given.workers,
    )
    islands.evolve(  # Run evolutionary optimization.
        top_n=1,  # Print top-n best individuals on each island in summary.
        logging_interval=1,  # Logging interval
        debug=2,  # Verbosity level
    )
