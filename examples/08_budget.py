"""A linear classifier on 1,797 handwritten digits with a budget of epochs: few trials see all 27.

The generator yields after each epoch and saves its state before, so that a trial can be paused after a few epochs, and
gone on with, by any peer, once it is among the best third there. Run it by its study file
(``shoal tune examples/08_budget.yaml``), or as it stands (``python examples/08_budget.py``).
"""

import pickle

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import shoal

EPOCHS = 27


def train(params, trial):
    images, digits = load_digits(return_X_y=True)
    images = StandardScaler().fit_transform(images)
    x, x_valid, y, y_valid = train_test_split(images, digits, test_size=0.25, random_state=0, stratify=digits)
    model = SGDClassifier(random_state=0, **params)
    epoch, saved = 0, trial.checkpoint / "model.pkl"
    if saved.exists():  # it was paused, or its process died
        model, epoch = pickle.loads(saved.read_bytes())
    while epoch < EPOCHS:
        model.partial_fit(x, y, classes=range(10))
        epoch += 1
        fresh = saved.with_suffix(".new")
        fresh.write_bytes(pickle.dumps((model, epoch)))
        fresh.replace(saved)  # at no moment is there half a checkpoint
        yield {"epoch": epoch, "accuracy": model.score(x_valid, y_valid)}


if __name__ == "__main__":
    space = {
        "loss": ["hinge", "log_loss", "modified_huber"],
        "alpha": shoal.loguniform(1e-7, 1.0),
        "penalty": ["l1", "l2", "elasticnet"],
        "l1_ratio": shoal.uniform(0.0, 1.0).when(penalty="elasticnet"),
        "learning_rate": ["constant", "invscaling"],
        "eta0": shoal.loguniform(1e-5, 1.0),
        "average": [False, True],
    }
    study = shoal.tune(
        train, space, metric="accuracy", goal="maximize", budget=shoal.Budget("epoch", 1, EPOCHS), trials=50, workers=2,
        seed=0,
    )  # fmt: skip
    epochs = sum(len(trial.reports) for trial in study.trials)
    done = [trial for trial in study.trials if trial.outcome == "done"]
    print(f"{len(study.trials)} trials in {epochs} epochs instead of {EPOCHS * len(study.trials)}; {len(done)} saw all")
    print(f"best accuracy {study.best.value:.4f} with {study.best.params}")
