"""Your own loop: ask for params, tell what came of them. Nothing is stored unless a store is given."""

import shoal


def branin(x, y):  # minimum 0.397887 at (-pi, 12.275), (pi, 2.275) and (9.42478, 2.475)
    from math import cos, pi

    return (y - 5.1 / (4 * pi**2) * x**2 + 5 / pi * x - 6) ** 2 + 10 * (1 - 1 / (8 * pi)) * cos(x) + 10


study = shoal.Study({"x": shoal.uniform(-5, 10), "y": shoal.uniform(0, 15)}, seed=0)
for _ in range(300):
    trial = study.ask()
    study.tell(trial, branin(**trial.params))

print(f"best {study.best.value:.4f} at {study.best.params}")
