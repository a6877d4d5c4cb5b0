"""The document's objective, with its imports changed and its `...` filled in: handwritten digits, a small network."""

import warnings

from network import Model, digits
from sklearn.exceptions import ConvergenceWarning

from shoal.dialects.hyper_opt.base_objective import *
from shoal.dialects.hyper_opt.base_objective import BaseObjective, optuna
from shoal.dialects.hyper_opt.utils import KerasPruningCallback

warnings.simplefilter("ignore", ConvergenceWarning)


def custom_updates(trial, conf):
    # Get list of hyperparameters from the config
    hyperparameters = conf["optuna"]["parameters"]

    # Now update some via custom rules
    num_dense = trial.suggest_discrete_uniform(**hyperparameters["num_dense"])

    # Update the config based on optuna's suggestion
    conf["model"]["hidden_dims"] = [conf["model"]["hidden_dims"][0] for k in range(num_dense)]
    conf["model"]["alpha"] = trial.suggest_float(**hyperparameters["regularizer"])

    return conf


class Objective(BaseObjective):
    def __init__(self, study, config, metric="val_loss", device="cpu"):
        # Initialize the base class
        BaseObjective.__init__(self, study, config, metric, device)

    def train(self, trial, conf):
        # Make any custom edits to the model conf before using it to train a model.
        conf = custom_updates(trial, conf)

        x, x_valid, y, y_valid = digits()
        model = Model(conf["model"], conf["optimizer"], conf["trainer"])

        callbacks = [KerasPruningCallback(trial, self.metric, interval=1)]
        result = model.fit(x, y, validation_data=(x_valid, y_valid), callbacks=callbacks)

        if trial.should_prune():
            raise optuna.TrialPruned()

        results_dictionary = {
            "val_loss": result["val_loss"],
            "loss": result["loss"],
            "val_accuracy": result["val_accuracy"],
        }
        return results_dictionary
