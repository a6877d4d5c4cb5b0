"""The same network, which reports after each epoch and saves a checkpoint before: trials can be stopped, paused and
gone on with. It gets its config as a JSON file, since it holds a list: the units of each layer.
"""

import argparse
import os
import pickle

from sklearn.neural_network import MLPClassifier
from traincode_report_end import split_data

from shoal.dialects.syne_tune import Reporter
from shoal.dialects.syne_tune.utils import (
    add_checkpointing_to_argparse,
    add_config_json_to_argparse,
    checkpoint_model_at_rung_level,
    load_config_json,
    resume_from_checkpointed_model,
)


def objective(config):
    (x, y), (x_valid, y_valid) = split_data(config)
    report = Reporter()
    state = {
        "model": MLPClassifier(
            hidden_layer_sizes=config["units"],
            learning_rate_init=config["learning_rate"],
            alpha=config["weight_decay"],
            batch_size=config["batch_size"],
            random_state=0,
        )
    }

    def load(folder):
        path = os.path.join(folder, "model.pkl")
        if not os.path.exists(path):
            return 0
        with open(path, "rb") as file:
            state["model"], epoch = pickle.load(file)
        return epoch

    def save(folder, epoch):
        path = os.path.join(folder, "model.pkl")
        with open(f"{path}.new", "wb") as file:
            pickle.dump((state["model"], epoch), file)
        os.replace(f"{path}.new", path)

    for epoch in range(resume_from_checkpointed_model(config, load) + 1, config["epochs"] + 1):
        state["model"].partial_fit(x, y, classes=range(10))
        checkpoint_model_at_rung_level(config, save, epoch)
        report(epoch=epoch, accuracy=state["model"].score(x_valid, y_valid))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    add_config_json_to_argparse(parser)
    add_checkpointing_to_argparse(parser)
    args, _ = parser.parse_known_args()
    objective(config=load_config_json(vars(args)))
