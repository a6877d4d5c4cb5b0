"""Tunes the script beside it; the same from a terminal:

shoal tune -m error -p 'alpha=loguniform(1e-6, 1)' -p 'eta0=loguniform(1e-4, 1)' -p 'penalty=[l1, l2]' -n 20 -w 2 \
    train.py -- --epochs 10
"""

from pathlib import Path

import shoal

space = {
    "alpha": shoal.loguniform(1e-6, 1.0),
    "eta0": shoal.loguniform(1e-4, 1.0),
    "penalty": ["l1", "l2", "elasticnet"],
}

if __name__ == "__main__":
    script = str(Path(__file__).with_name("train.py"))
    study = shoal.tune([script, "--epochs", "10"], space, metric="error", trials=20, workers=2, seed=0)
    print(f"best error {study.best.value:.4f} with {study.best.params}")
