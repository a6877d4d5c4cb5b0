"""Tunes the training script beside it by Syne Tune's names: the launcher of its tutorial, with its imports changed.

Run it as it stands: ``python examples/10_syne_tune/launch_report_end.py``. The data are FashionMNIST where that lies in
./FashionMNIST, and handwritten digits elsewhere.
"""

from pathlib import Path

from shoal.dialects.syne_tune import StoppingCriterion, Tuner
from shoal.dialects.syne_tune.backend import LocalBackend
from shoal.dialects.syne_tune.config_space import loguniform, randint
from shoal.dialects.syne_tune.experiments import load_experiment
from shoal.dialects.syne_tune.optimizer.baselines import BayesianOptimization

if __name__ == "__main__":
    config_space = {
        "n_units_1": randint(4, 128),
        "n_units_2": 32,  # fixed
        "batch_size": randint(8, 128),
        "learning_rate": loguniform(1e-6, 1),
        "weight_decay": loguniform(1e-8, 1),
        "epochs": 5,
        "dataset_path": "./",
    }
    scheduler = BayesianOptimization(config_space, metric="accuracy", mode="max", random_seed=0)
    tuner = Tuner(
        trial_backend=LocalBackend(str(Path(__file__).with_name("traincode_report_end.py"))),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_wallclock_time=600, max_num_trials_finished=16),
        n_workers=2,
    )
    tuner.run()

    experiment = load_experiment(tuner.name)
    print(experiment)
    print(f"best accuracy {experiment.best_config()['accuracy']:.4f} with {tuner.best_config()}")
    experiment.plot(figure_path="best.png")
