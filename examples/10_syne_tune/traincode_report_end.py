"""The training script of Syne Tune's tutorial, with scikit-learn for PyTorch: a network of two layers that reports its
validation accuracy at the end. Its import of Reporter is all that was changed for Shoal.

traincode_torch.py beside it is the tutorial's own, word for word.
"""

import argparse

from digits import data
from sklearn.neural_network import MLPClassifier

from shoal.dialects.syne_tune import Reporter


def split_data(config):
    images, labels = data(config["dataset_path"])
    train = len(images) * 5 // 6  # 50,000 of FashionMNIST's 60,000
    return (images[:train], labels[:train]), (images[train:], labels[train:])


def model_of(config):
    return MLPClassifier(
        hidden_layer_sizes=(config["n_units_1"], config["n_units_2"]),
        learning_rate_init=config["learning_rate"],
        alpha=config["weight_decay"],
        batch_size=config["batch_size"],
        random_state=0,
    )


def objective(config):
    (x, y), (x_valid, y_valid) = split_data(config)
    report = Reporter()
    model = model_of(config)
    for _ in range(1, config["epochs"] + 1):
        model.partial_fit(x, y, classes=range(10))
    report(accuracy=model.score(x_valid, y_valid))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--dataset_path", type=str, required=True)
    parser.add_argument("--n_units_1", type=int, required=True)
    parser.add_argument("--n_units_2", type=int, required=True)
    parser.add_argument("--batch_size", type=int, required=True)
    parser.add_argument("--learning_rate", type=float, required=True)
    parser.add_argument("--weight_decay", type=float, required=True)
    args, _ = parser.parse_known_args()
    objective(config=vars(args))
