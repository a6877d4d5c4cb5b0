"""A class with setup, step, save and load: its trials can be paused, and gone on with where they were.

Press Ctrl-C while it runs, and run it again: the trials that were interrupted go on from their checkpoints.
"""

import pickle

from sklearn.datasets import load_diabetes
from sklearn.linear_model import SGDRegressor
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import shoal

EPOCHS = 20


class Trainer:
    def setup(self, params):
        features, target = load_diabetes(return_X_y=True)
        features = StandardScaler().fit_transform(features)
        self.x, self.x_valid, self.y, self.y_valid = train_test_split(features, target, random_state=0)
        self.model = SGDRegressor(random_state=0, learning_rate="constant", **params)
        self.epoch = 0

    def step(self):
        if self.epoch == EPOCHS:
            return None  # the end
        self.model.partial_fit(self.x, self.y)
        self.epoch += 1
        return {"r2": self.model.score(self.x_valid, self.y_valid)}

    def save(self, directory):
        (directory / "model.pkl").write_bytes(pickle.dumps((self.model, self.epoch)))

    def load(self, directory):
        self.model, self.epoch = pickle.loads((directory / "model.pkl").read_bytes())


if __name__ == "__main__":
    space = {"alpha": shoal.loguniform(1e-6, 10.0), "eta0": shoal.loguniform(1e-5, 0.01)}
    study = shoal.tune(Trainer, space, metric="r2", goal="maximize", trials=30, workers=2, name="diabetes", seed=0)
    print(f"best R² {study.best.value:.4f} with {study.best.params}")
