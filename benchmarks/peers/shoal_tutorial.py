"""The task of Propulate's two tutorials, by their code in `examples`: a convolutional network of 2 to 10 layers.

Usage: shoal_tutorial.py EXAMPLES KIND HOW SURROGATE GENERATIONS EPOCHS IMAGES SEED

KIND is plain (torch; the loss is the validation loss) or lightning (with torchmetrics; the negative accuracy). HOW is
local (4 peers) or mpi (4 ranks); SURROGATE none, static or dynamic.
"""

import json
import logging
import os
import random
import sys
import warnings
from importlib import import_module
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import perf_counter

from ranks import among_ranks

WORKERS = 4


def by_epochs(params):
    """The tutorial's Lightning training, with what it has found yielded after each epoch."""
    import torch

    tutorial = import_module("propulate_hpo")
    activation = {"relu": torch.nn.ReLU, "sigmoid": torch.nn.Sigmoid, "tanh": torch.nn.Tanh}[params["activation"]]
    model = tutorial.Net(params["conv_layers"], activation, params["lr"], torch.nn.CrossEntropyLoss())
    examples, valid = tutorial.get_data_loaders(batch_size=8)
    trainer = tutorial.Trainer(
        max_epochs=1, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
    )  # fmt: skip
    for epoch in range(1, tutorial.EPOCHS + 1):
        trainer.fit_loop.max_epochs = epoch
        trainer.fit(model, examples, valid)
        yield -float(model.best_accuracy)


def processor():
    """Seconds that processors have worked for this process and for those it has waited for: unlike the time by the
    clock, they do not depend on what else the machine does."""
    return sum(sum(getrusage(who)[:2]) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))


if __name__ == "__main__":
    examples, kind, how, surrogate, generations, epochs, images, seed = sys.argv[1:]
    if how == "mpi" and not among_ranks(WORKERS):
        sys.exit(1)
    os.environ |= {"EPOCHS": epochs, "IMAGES": images}
    sys.path.insert(0, examples)
    warnings.simplefilter("ignore")
    logging.getLogger("lightning").setLevel(logging.ERROR)
    from mpi4py import MPI

    from shoal.dialects.propulate import Islands, get_default_propagator
    from shoal.dialects.propulate.surrogate import DynamicSurrogate, StaticSurrogate

    loss_fn = by_epochs if kind == "lightning" else import_module("propulate_surrogate").ind_loss
    limits = {"conv_layers": (2, 10), "activation": ("relu", "sigmoid", "tanh"), "lr": (0.01, 0.0001)}
    factories = {"none": None, "static": StaticSurrogate, "dynamic": lambda: DynamicSurrogate(limits)}
    comm = MPI.COMM_WORLD
    rng = random.Random(1000 * int(seed) + comm.rank)
    comm.Barrier()
    began, used = perf_counter(), processor()
    islands = Islands(
        loss_fn, get_default_propagator(2 * WORKERS, limits, rng=rng), rng, int(generations), checkpoint_path="ckpt",
        surrogate_factory=factories[surrogate], workers=WORKERS if how == "local" else None,
    )  # fmt: skip
    best = islands.evolve(top_n=1, logging_interval=10**9, debug=0)[0][0]
    seconds = comm.allreduce(perf_counter() - began, MPI.MAX)
    used = comm.allreduce(processor() - used)
    found = islands.propulator.population
    if comm.rank == 0:
        print(json.dumps({
            "seconds": seconds, "processor": used, "best": best.loss,
            "evaluated": len(found), "epochs": sum(len(trial.reports) for trial in islands.propulator.study.trials),
        }))  # fmt: skip
