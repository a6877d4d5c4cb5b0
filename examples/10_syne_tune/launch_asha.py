"""Early stopping by Syne Tune's names: trials are paused at 1, 3 and 9 epochs, and the best third of each rung goes on.

Run it as it stands: ``python examples/10_syne_tune/launch_asha.py``.
"""

from pathlib import Path

from shoal.dialects.syne_tune import StoppingCriterion, Tuner
from shoal.dialects.syne_tune.backend import LocalBackend
from shoal.dialects.syne_tune.config_space import choice, loguniform, qlograndint
from shoal.dialects.syne_tune.experiments import load_experiment
from shoal.dialects.syne_tune.optimizer.baselines import MOBSTER

if __name__ == "__main__":
    config_space = {
        "units": choice([[32], [64], [64, 32]]),
        "batch_size": qlograndint(8, 128, 8),
        "learning_rate": loguniform(1e-6, 1),
        "weight_decay": loguniform(1e-8, 1),
        "epochs": 9,
        "dataset_path": "./",
    }
    scheduler = MOBSTER(
        config_space, metric="accuracy", mode="max", resource_attr="epoch", max_resource_attr="epochs",
        type="promotion", random_seed=0,
    )  # fmt: skip
    tuner = Tuner(
        trial_backend=LocalBackend(
            str(Path(__file__).with_name("traincode_report_each.py")), pass_args_as_json=True, delete_checkpoints=True
        ),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_wallclock_time=600, max_num_trials_started=20),
        n_workers=2,
    )
    tuner.run()

    experiment = load_experiment(tuner.name)
    epochs = len(experiment.results)
    print(f"{epochs} epochs instead of {9 * 20}")
    print(f"best accuracy {experiment.best_config()['accuracy']:.4f} with {tuner.best_config()}")
