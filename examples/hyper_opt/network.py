"""A network with the manners of Keras, on scikit-learn: `fit` calls its callbacks after each epoch."""

from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def digits():
    """1,797 handwritten digits, a quarter of them to validate with."""
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16.0, labels, test_size=0.25, random_state=0, stratify=labels)


class Model:
    def __init__(self, model, optimizer, trainer):
        self._epochs = range(trainer["start_epoch"], trainer["epochs"])
        self._network = MLPClassifier(
            hidden_layer_sizes=model["hidden_dims"], activation=model["activation"], alpha=model["alpha"],
            solver=optimizer["type"], learning_rate_init=optimizer["learning_rate"], momentum=optimizer["momentum"],
            batch_size=trainer["batch_size"], random_state=0,
        )  # fmt: skip

    def fit(self, x, y, validation_data, callbacks=()):
        x_valid, y_valid = validation_data
        for epoch in self._epochs:
            self._network.partial_fit(x, y, classes=range(10))
            logs = {
                "loss": self._network.loss_,
                "val_loss": log_loss(y_valid, self._network.predict_proba(x_valid)),
                "val_accuracy": self._network.score(x_valid, y_valid),
            }
            for callback in callbacks:
                callback.on_epoch_end(epoch, logs)
        return logs
