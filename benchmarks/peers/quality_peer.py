"""A search of one tool, asked and told by lines of JSON on standard input. Usage: quality_peer.py NAME

First {"space", "seed", "trials", "workers"}, then {"ask": true} and {"tell": number, "loss": …}; each is answered by a
line with the seconds that it took, and the params. Only what the named tool needs is imported.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import tempfile
import warnings
from time import perf_counter
from typing import Any

Space = dict[str, dict[str, Any]]
Params = dict[str, Any]


class ShoalSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        import shoal

        def domain(spec: dict[str, Any]) -> Any:
            if spec["type"] == "cat":
                return shoal.choice(spec["choices"])
            log, whole = bool(spec.get("log")), spec["type"] == "int"
            make = (shoal.lograndint if log else shoal.randint) if whole else shoal.loguniform if log else shoal.uniform
            return make(spec["low"], spec["high"])

        self._study = shoal.Study({name: domain(spec) for name, spec in space.items()}, search=kind, seed=seed)

    def ask(self) -> Params:
        return dict(self._study.ask().params)

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._study.tell(number, loss)


class OptunaSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        import optuna

        optuna.logging.disable_default_handler()
        samplers, d = optuna.samplers, optuna.distributions
        sampler = {"tpe": samplers.TPESampler, "gp": samplers.GPSampler, "cma": samplers.CmaEsSampler}[kind](seed=seed)
        self._study = optuna.create_study(sampler=sampler)
        self._domains = {
            name: d.CategoricalDistribution(spec["choices"]) if spec["type"] == "cat"
            else (d.IntDistribution if spec["type"] == "int" else d.FloatDistribution)(
                spec["low"], spec["high"], log=bool(spec.get("log")))
            for name, spec in space.items()
        }  # fmt: skip

    def ask(self) -> Params:
        return dict(self._study.ask(self._domains).params)

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._study.tell(number, loss)


class SmacSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer
        from smac import HyperparameterOptimizationFacade, Scenario

        logging.disable(logging.CRITICAL)
        configurations = ConfigurationSpace(seed=seed)
        for name, spec in space.items():
            if spec["type"] == "cat":
                configurations.add(Categorical(name, spec["choices"]))
            else:
                make = Integer if spec["type"] == "int" else Float
                configurations.add(make(name, (spec["low"], spec["high"]), log=bool(spec.get("log"))))
        scenario = Scenario(
            configurations, deterministic=True, n_trials=trials, seed=seed, output_directory=tempfile.mkdtemp()
        )
        intensifier = HyperparameterOptimizationFacade.get_intensifier(scenario, max_config_calls=1)
        self._smac = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, intensifier=intensifier, overwrite=True
        )
        self._infos: list[Any] = []

    def ask(self) -> Params:
        self._infos.append(self._smac.ask())
        return dict(self._infos[-1].config)

    def tell(self, number: int, params: Params, loss: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        self._smac.tell(self._infos[number], TrialValue(cost=loss))


class DeepHyperSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        from deephyper.hpo import CBO, HpProblem

        problem = HpProblem()
        for name, spec in space.items():
            if spec["type"] == "cat":
                problem.add_hyperparameter(spec["choices"], name)
            else:
                kind_of = int if spec["type"] == "int" else float
                prior = ("log-uniform",) if spec.get("log") else ()
                problem.add_hyperparameter((kind_of(spec["low"]), kind_of(spec["high"]), *prior), name)
        self._search = CBO(problem, random_state=seed, log_dir=tempfile.mkdtemp(), verbose=0)

    def ask(self) -> Params:
        return dict(self._search.ask(1)[0])

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._search.tell([(params, -loss)])


class SyneTuneSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        from syne_tune import config_space as c
        from syne_tune.optimizer import baselines

        domains = {
            name: c.choice(spec["choices"]) if spec["type"] == "cat"
            else (c.lograndint if spec.get("log") else c.randint)(spec["low"], spec["high"]) if spec["type"] == "int"
            else (c.loguniform if spec.get("log") else c.uniform)(spec["low"], spec["high"])
            for name, spec in space.items()
        }  # fmt: skip
        make = {"bore": baselines.BORE, "botorch": baselines.BOTorch}[kind]
        self._scheduler = make(domains, metric="loss", do_minimize=True, random_seed=seed)
        self._trials: list[Any] = []

    def ask(self) -> Params:
        import datetime

        from syne_tune.backend.trial_status import Trial

        config = self._scheduler.suggest().config
        self._trials.append(Trial(len(self._trials), config, datetime.datetime.now()))
        self._scheduler.on_trial_add(self._trials[-1])
        return dict(config)

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._scheduler.on_trial_complete(self._trials[number], {"loss": loss})


class NevergradSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        import nevergrad as ng

        def domain(spec: dict[str, Any]) -> Any:
            if spec["type"] == "cat":
                return ng.p.Choice(spec["choices"])
            make = ng.p.Log if spec.get("log") else ng.p.Scalar
            number = make(lower=spec["low"], upper=spec["high"])
            return number.set_integer_casting() if spec["type"] == "int" else number

        domains = ng.p.Dict(**{name: domain(spec) for name, spec in space.items()})
        domains.random_state.seed(seed)
        self._optimizer = ng.optimizers.NGOpt(domains, budget=trials, num_workers=workers)
        self._asked: list[Any] = []

    def ask(self) -> Params:
        self._asked.append(self._optimizer.ask())
        return dict(self._asked[-1].value)

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._optimizer.tell(self._asked[number], loss)


class HeboSearch:
    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        import numpy as np
        import torch
        from hebo.design_space.design_space import DesignSpace
        from hebo.optimizers.hebo import HEBO

        np.random.seed(seed)
        torch.manual_seed(seed)
        torch.set_num_threads(1)

        def domain(name: str, spec: dict[str, Any]) -> dict[str, Any]:
            if spec["type"] == "cat":
                return {"name": name, "type": "cat", "categories": spec["choices"]}
            kinds = {("int", False): "int", ("int", True): "pow_int", ("float", False): "num", ("float", True): "pow"}
            kind = kinds[spec["type"], bool(spec.get("log"))]
            return {"name": name, "type": kind, "lb": spec["low"], "ub": spec["high"]}

        self._space = space
        self._hebo = HEBO(DesignSpace().parse([domain(*item) for item in space.items()]), scramble_seed=seed)
        self._asked: list[Any] = []

    def ask(self) -> Params:
        self._asked.append(self._hebo.suggest(1))
        row = self._asked[-1].iloc[0].to_dict()
        plain = {"int": int, "float": float, "cat": lambda value: value}
        return {name: plain[spec["type"]](row[name]) for name, spec in self._space.items()}

    def tell(self, number: int, params: Params, loss: float) -> None:
        import numpy as np

        self._hebo.observe(self._asked[number], np.array([[loss]]))


class PropulateSearch:
    """The breeding of its default, fifty individuals, which it draws from those that were told."""

    def __init__(self, kind: str, space: Space, seed: int, trials: int, workers: int) -> None:
        import random

        from propulate.utils import get_default_propagator

        limits = {
            name: tuple(spec["choices"]) if spec["type"] == "cat" else (spec["low"], spec["high"])
            for name, spec in space.items()
        }
        self._breed = get_default_propagator(pop_size=50, limits=limits, rng=random.Random(seed))
        self._asked: list[Any] = []
        self._told: list[Any] = []

    def ask(self) -> Params:
        self._asked.append(self._breed(self._told))
        return {name: self._asked[-1][name] for name in self._asked[-1]}

    def tell(self, number: int, params: Params, loss: float) -> None:
        self._asked[number].loss = loss
        self._told.append(self._asked[number])


TOOLS: dict[str, Any] = {
    "shoal": ShoalSearch, "optuna": OptunaSearch, "smac": SmacSearch, "deephyper": DeepHyperSearch,
    "syne": SyneTuneSearch, "nevergrad": NevergradSearch, "hebo": HeboSearch, "propulate": PropulateSearch,
}  # fmt: skip


def main() -> None:
    warnings.filterwarnings("ignore")
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the tools print is no answer
    tool, _, kind = sys.argv[1].partition("-")
    search: Any = None
    asked: list[Params] = []
    for line in sys.stdin:
        message = json.loads(line)
        began, answer = perf_counter(), {}
        try:
            if "ask" in message:
                asked.append(search.ask())
                answer["params"] = asked[-1]
            elif "tell" in message:
                search.tell(message["tell"], asked[message["tell"]], message["loss"])
            else:
                search = TOOLS[tool](kind, message["space"], message["seed"], message["trials"], message["workers"])
                began = perf_counter()  # importing the tool is not timed
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result too
            answer["error"] = f"{type(error).__name__}: {error}"[:300]
        answer["seconds"] = perf_counter() - began
        print(json.dumps(answer, default=lambda value: value.item()), file=answers, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        main()
