"""A plain function that returns a number or a dict of metrics: a support vector machine on the wine data."""

from sklearn.datasets import load_wine
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import shoal


def train(params):
    model = make_pipeline(StandardScaler(), SVC(**params))
    scores = cross_validate(model, *load_wine(return_X_y=True), cv=5)
    return {"accuracy": scores["test_score"].mean(), "fit_seconds": scores["fit_time"].mean()}


space = {
    "C": shoal.loguniform(1e-3, 1e3),
    "kernel": ["linear", "rbf", "poly"],
    "gamma": shoal.loguniform(1e-5, 1.0).when(kernel=["rbf", "poly"]),
    "degree": shoal.randint(2, 5).when(kernel="poly"),
}

if __name__ == "__main__":
    study = shoal.tune(train, space, metric="accuracy", goal="maximize", trials=40, workers=2, seed=1)
    print(study)
    for trial in sorted(study.trials, key=lambda trial: -trial.value)[:3]:
        print(f"{trial.value:.4f}  {trial.params}")
    print("table:", study.export("results.csv"))
