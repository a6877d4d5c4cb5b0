"""What a space can say: log and quantised ranges, choices of any kind, order, conditions, constraints, defaults."""

import numpy as np

import shoal

space = shoal.Space(
    {
        "lr": shoal.loguniform(1e-5, 1.0),
        "momentum": shoal.reverseloguniform(0.0, 0.999),
        "layers": (1, 3),  # a tuple of ints is a range of ints, both ends included
        "units_1": shoal.qlograndint(16, 512, 16),
        "units_2": shoal.qlograndint(16, 512, 16).when(layers=shoal.at_least(2)),
        "units_3": shoal.qlograndint(16, 512, 16).when(layers=3),
        "dropout": shoal.quniform(0.0, 0.5, 0.1),
        "size": shoal.ordinal(["small", "medium", "large"]),
        "batch": shoal.logfinrange(16, 256, 5, integer=True),
        "weight_decay": shoal.lognormal(-7.0, 2.0, default=1e-3),
        "optimizer": ["sgd", "adam"],
        "epochs": 27,
    },
    where=["units_2 <= units_1", "units_3 <= units_2"],
)

if __name__ == "__main__":
    print(space)
    params = space.sample(np.random.default_rng(0))
    print("\na sample:      ", params)
    print("in [0, 1]^d:   ", space.encode(params).round(2))
    print("and back again:", space.decode(space.encode(params)) == params)
    print("from JSON:     ", shoal.Space.from_json(space.to_json()) == space)
