"""Code for DeepHyper with its import lines changed: a network for the tutorial's regression, stopped if it lags."""

import numpy as np
from sklearn.metrics import r2_score
from sklearn.neural_network import MLPRegressor

from shoal.dialects.deephyper import CBO, Evaluator, HpProblem, SuccessiveHalvingStopper
from shoal.dialects.deephyper import configspace as cs

EPOCHS = 60


def load_data():
    x = np.random.default_rng(2021).uniform(-1.0, 1.0, (5_000, 10))
    y = -np.sum(x**2, axis=1)
    return (x[:4_000], y[:4_000]), (x[4_000:], y[4_000:])


def run(job):
    (x, y), (valid_x, valid_y) = load_data()
    momentum = job.parameters["momentum"] if job.parameters["solver"] == "sgd" else 0.9
    model = MLPRegressor(
        hidden_layer_sizes=(job.parameters["units"],), activation=job.parameters["activation"],
        solver=job.parameters["solver"], learning_rate_init=job.parameters["lr"], momentum=momentum, random_state=0,
    )  # fmt: skip
    for epoch in range(1, EPOCHS + 1):
        predicted = model.partial_fit(x, y).predict(valid_x)
        if not np.isfinite(predicted).all():
            return "F_diverged"
        objective = r2_score(valid_y, predicted)
        job.record(epoch, objective)
        if job.stopped():
            break
    return {"objective": objective, "metadata": {"epochs": epoch}}


problem = HpProblem()
problem.add_hyperparameter((8, 100), "units", default_value=32)
problem.add_hyperparameter(["relu", "tanh", "logistic"], "activation")
problem.add_hyperparameter((1e-4, 1e-1, "log-uniform"), "lr")
solver = problem.add_hyperparameter(["adam", "sgd"], "solver")
momentum = problem.add_hyperparameter((0.0, 0.95), "momentum")
problem.add_condition(cs.EqualsCondition(momentum, solver, "sgd"))

if __name__ == "__main__":
    evaluator = Evaluator.create(run, method="process", method_kwargs={"num_workers": 2})
    search = CBO(problem, random_state=1, stopper=SuccessiveHalvingStopper(max_steps=EPOCHS))
    results = search.search(evaluator, max_evals=24)
    print(results[["p:activation", "p:solver", "objective", "m:epochs", "job_id"]].to_string())
    print("best objective", round(results["objective"].max(), 4))
