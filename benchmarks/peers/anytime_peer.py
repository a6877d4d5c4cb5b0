"""A multi-fidelity scheduler of Syne Tune in virtual time, by its own tuner and simulator. Usage: anytime_peer.py NAME

Reads {"space", "budget", "workers", "until", "patience", "seed"}, a line of JSON. Then asks for curves,
{"curve": params} answered by [[step, loss, seconds], …], and ends with {"ends", "done", "begun", "trials", "seconds",
"cut"}.

The simulator is as its makers ship it, but for three things: what the scheduler itself takes costs no virtual time, the
tuner sleeps until something happens instead of looking every few seconds, and a trial fails where its loss is not
finite.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Callable
from time import process_time
from typing import Any

import numpy as np
from syne_tune import Tuner, config_space
from syne_tune.backend.simulator_backend.simulator_backend import SimulatorConfig
from syne_tune.backend.simulator_backend.time_keeper import SimulatedTimeKeeper
from syne_tune.backend.trial_status import Status
from syne_tune.blackbox_repository.blackbox import Blackbox
from syne_tune.blackbox_repository.simulated_tabular_backend import UserBlackboxBackend
from syne_tune.constants import ST_TUNER_TIME
from syne_tune.optimizer import legacy_baselines as baselines
from syne_tune.optimizer.scheduler import SchedulerDecision
from syne_tune.tuner_callback import TunerCallback

Params = dict[str, Any]
METRIC, SECONDS, MOST = "validation loss", "seconds of the trial", "steps of the trial"  # names that no param has
SCHEDULERS: dict[str, tuple[Any, dict[str, Any]]] = {  # with the settings of their makers' own comparisons
    "random": (baselines.RandomSearch, {}),
    "asha": (baselines.ASHA, {"type": "promotion"}),
    "bohb": (baselines.BOHB, {"type": "promotion"}),
    "mobster": (baselines.MOBSTER, {"type": "promotion"}),
    "hypertune": (baselines.HyperTune, {"type": "promotion"}),
    "dyhpo": (baselines.DyHPO, {}),
}


class Curves(Blackbox):
    """Asks the parent process for curves. Steps that a trial which fails does not reach are NaN."""

    def __init__(self, space: dict[str, Any], budget: dict[str, Any], ask: Callable[[Params], Any]) -> None:
        steps = config_space.randint(1, budget["most"])
        super().__init__(space, {budget["name"]: steps}, [METRIC, SECONDS])
        self._most, self._ask = budget["most"], ask
        self._known: dict[str, Any] = {}

    @property
    def fidelity_values(self) -> Any:
        return np.arange(1, self._most + 1)

    def _objective_function(self, configuration: Params, fidelity: Any = None, seed: Any = None) -> Any:
        key = json.dumps(configuration, sort_keys=True, default=_plain)
        if key not in self._known:
            values = np.full((self._most, 2), math.nan)
            for step, loss, seconds in self._ask(configuration):
                values[step - 1] = loss, seconds
            self._known[key] = values
        return self._known[key]

    def final(self, params: Params) -> float:
        names = {name: params[name] for name in self.configuration_space}
        return float(self._objective_function(names)[-1, 0])


class Keeper(SimulatedTimeKeeper):
    """Virtual time that passes for trials alone."""

    def real_time_since_last_recent_exit(self) -> float:
        return 0.0


class Backend(UserBlackboxBackend):
    """The simulator, where trials fail whose loss is not finite, at the time of that loss."""

    def __init__(self, curves: Curves) -> None:
        super().__init__(curves, SECONDS, MOST, simulator_config=SimulatorConfig(0.0, 0.0, 0.0, 0.0, 0.0))
        self._time_keeper = Keeper()

    def _run_job_and_collect_results(self, trial_id: int, config: Any = None) -> tuple[str, list[dict[str, Any]]]:
        status, results = super()._run_job_and_collect_results(trial_id, config)
        failed = next((n for n, result in enumerate(results) if not math.isfinite(result[METRIC])), None)
        before = results[failed - 1][SECONDS] if failed else 0.0
        rest = 0.0 if failed is None else results[failed][SECONDS] - before
        self.simulator_config.delay_complete_after_final_report = rest
        return (status, results) if failed is None else (Status.failed, results[:failed])

    @property
    def next_event(self) -> float:
        return float(self._simulator_state.event_heap[0][0])


class Watch(TunerCallback):
    """Sets the clock, and notes where trials were paused, stopped or done."""

    def __init__(self, curves: Curves, backend: Backend, most: int, until: float) -> None:
        self._curves, self._backend, self._most, self.until = curves, backend, most, until
        self._params: dict[int, Params] = {}
        self.ends: list[tuple[float, int, int, float, float]] = []  # time, trial, step, loss, loss at the very end
        self.done: set[int] = set()
        self._ended: set[int] = set()

    def on_tuning_start(self, tuner: Any) -> None:
        self._tuner = tuner
        tuner.scheduler.set_time_keeper(self._backend.time_keeper)
        self._backend.time_keeper.start_of_time()

    def on_tuning_sleep(self, sleep_time: float) -> None:
        self._backend.time_keeper.advance_to(min(self._backend.next_event, self.until))

    def on_start_trial(self, trial: Any) -> None:
        self._params[trial.trial_id] = trial.config

    def on_trial_result(self, trial: Any, status: str, result: dict[str, Any], decision: str) -> None:
        ended = result[self._curves.fidelity_name()] >= self._most
        if ended:
            self.done.add(trial.trial_id)
        if ended or decision != SchedulerDecision.CONTINUE:
            step = int(result[self._curves.fidelity_name()])
            self.ends.append((result[ST_TUNER_TIME], int(trial.trial_id), step, result[METRIC],
                              self._curves.final(trial.config)))  # fmt: skip

    def on_tuning_end(self) -> None:
        seen = self._tuner.tuning_status.last_trial_status_seen
        self._ended = {number for number, status in seen.items() if status != Status.in_progress}

    def answer(self) -> dict[str, Any]:
        begun = self._ended | self.done
        return {"ends": self.ends, "done": self._least(self.done), "begun": self._least(begun),
                "trials": len(self._params)}  # fmt: skip

    def _least(self, numbers: set[int]) -> float:
        finals = (self._curves.final(self._params[number]) for number in numbers)
        return min((loss for loss in finals if math.isfinite(loss)), default=math.nan)


class Stopwatch:
    """Seconds of the processor, of which a run has one thread, spent in the methods of a scheduler."""

    def __init__(self, scheduler: Any) -> None:
        self.seconds = 0.0
        for name in ("suggest", "on_trial_add", "on_trial_result", "on_trial_complete", "on_trial_remove"):
            setattr(scheduler, name, self._timed(getattr(scheduler, name)))

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            began = process_time()
            try:
                return method(*arguments, **options)
            finally:
                self.seconds += process_time() - began

        return timed


def _domain(spec: dict[str, Any]) -> Any:
    if spec["type"] == "cat":
        return config_space.choice(spec["choices"])
    log, whole = bool(spec.get("log")), spec["type"] == "int"
    floats, integers = config_space.uniform, config_space.randint
    if log:
        floats, integers = config_space.loguniform, config_space.lograndint
    return (integers if whole else floats)(spec["low"], spec["high"])


def _scheduler(name: str, space: dict[str, Any], budget: dict[str, Any], seed: int) -> Any:
    make, settings = SCHEDULERS[name]
    if make is not baselines.RandomSearch:
        settings = {**settings, "resource_attr": budget["name"], "grace_period": budget["least"]}
    return make(
        {**space, MOST: budget["most"]}, metric=METRIC, mode="min", random_seed=seed, max_resource_attr=MOST,
        search_options={"debug_log": False}, **settings,
    )  # fmt: skip


def tune(name: str, given: dict[str, Any], ask: Callable[[Params], Any]) -> dict[str, Any]:
    """Run a scheduler until virtual time is over, or its patience."""
    np.random.seed(given["seed"])
    space = {param: _domain(spec) for param, spec in given["space"].items()}
    curves = Curves(space, given["budget"], ask)
    backend = Backend(curves)
    watch = Watch(curves, backend, given["budget"]["most"], given["until"])
    scheduler = _scheduler(name, space, given["budget"], given["seed"])
    stopwatch = Stopwatch(scheduler)

    def over(status: Any) -> bool:
        return backend.time_keeper.time() >= given["until"] or stopwatch.seconds > given["patience"]

    Tuner(
        backend, scheduler, over, given["workers"], sleep_time=0.0, max_failures=10**9, callbacks=[watch],
        save_tuner=False, print_update_interval=1e9, tuner_name="anytime",
    ).run()  # fmt: skip
    cut = min(backend.time_keeper.time(), given["until"])
    found = watch.answer()
    return {**found, "seconds": stopwatch.seconds / max(found["trials"], 1), "cut": cut}


def _plain(value: Any) -> Any:
    return value.item()


def main() -> None:
    warnings.filterwarnings("ignore")
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the tool prints is no answer

    def ask(params: Params) -> Any:
        print(json.dumps({"curve": params}, default=_plain), file=answers, flush=True)
        return json.loads(sys.stdin.readline())

    given = json.loads(sys.stdin.readline())
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYNETUNE_FOLDER"] = folder
        try:
            answer = tune(sys.argv[1], given, ask)
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result too
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(answer, default=_plain), file=answers, flush=True)


if __name__ == "__main__":
    main()
