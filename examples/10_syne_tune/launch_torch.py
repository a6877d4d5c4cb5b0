"""Tunes the tutorial's own script, traincode_torch.py, over the tutorial's config space. It needs PyTorch, torchvision
and filelock; FashionMNIST is downloaded unless it lies in ./FashionMNIST.

``python examples/10_syne_tune/launch_torch.py --epochs 27 --trials 200 --workers 4``
"""

import argparse
from pathlib import Path

from shoal.dialects.syne_tune import StoppingCriterion, Tuner
from shoal.dialects.syne_tune.backend import LocalBackend
from shoal.dialects.syne_tune.config_space import loguniform, randint, uniform
from shoal.dialects.syne_tune.optimizer.baselines import RandomSearch

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    config_space = {
        "n_units_1": randint(4, 1024),
        "n_units_2": randint(4, 1024),
        "batch_size": randint(8, 128),
        "dropout_1": uniform(0, 0.99),
        "dropout_2": uniform(0, 0.99),
        "learning_rate": loguniform(1e-6, 1),
        "weight_decay": loguniform(1e-8, 1),
        "epochs": args.epochs,
        "dataset_path": "./",
    }
    tuner = Tuner(
        trial_backend=LocalBackend(str(Path(__file__).with_name("traincode_torch.py"))),
        scheduler=RandomSearch(config_space, metric="accuracy", mode="max", random_seed=0),
        stop_criterion=StoppingCriterion(max_num_trials_finished=args.trials),
        n_workers=args.workers,
    )
    tuner.run()
    print(f"best config {tuner.best_config()}")
