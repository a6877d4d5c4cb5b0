"""A small network on scikit-learn's 1,797 handwritten digits, trained epoch by epoch: the generator yields after each.

Run it by its study file (``shoal tune examples/01_digits.yaml``), or as it stands (``python examples/01_digits.py``).
"""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

import shoal


def train(params):
    images, digits = load_digits(return_X_y=True)
    images = StandardScaler().fit_transform(images)
    x, x_valid, y, y_valid = train_test_split(images, digits, test_size=0.25, random_state=0, stratify=digits)
    network = MLPClassifier(
        hidden_layer_sizes=[params["units"]] * params["layers"],
        activation=params["activation"],
        solver=params["solver"],
        learning_rate_init=params["lr"],
        momentum=params.get("momentum", 0.9),  # there only with sgd
        alpha=params["alpha"],
        batch_size=params["batch_size"],
        random_state=0,
    )
    for _ in range(params["epochs"]):
        network.partial_fit(x, y, classes=range(10))
        yield {"accuracy": network.score(x_valid, y_valid), "train_loss": network.loss_}


if __name__ == "__main__":
    space = {
        "units": shoal.lograndint(8, 128),
        "layers": shoal.randint(1, 2),
        "activation": ["relu", "tanh"],
        "solver": ["adam", "sgd"],
        "momentum": shoal.uniform(0.0, 0.99).when(solver="sgd"),
        "lr": shoal.loguniform(1e-4, 1e-1),
        "alpha": shoal.loguniform(1e-6, 1e-1),
        "batch_size": shoal.qlograndint(16, 256, 16),
        "epochs": 10,
    }
    study = shoal.tune(train, space, metric="accuracy", goal="maximize", trials=20, workers=2, seed=0)
    print(f"best accuracy {study.best.value:.4f} with {study.best.params}")
