"""One run: a search in its own process proposes, this process evaluates, and time passes as the trials say."""

from __future__ import annotations

import heapq
import json
import math
import select
import subprocess
from dataclasses import dataclass
from typing import Any

from benchmarks.environments import python_of
from benchmarks.quality.tasks import Task
from benchmarks.running import PEERS, clean_environment

CHECKPOINTS = (10, 25, 50, 100, 200, 1_000, 5_000)
PATIENCE = 900.0  # seconds in all that a search may think in one run; it ends there
SILENT = 120.0  # … and for one proposal


@dataclass(frozen=True)
class Entrant:
    """A search of a tool, and the environment that it runs in: ``smac``, ``optuna-gp``, ``shoal-auto`` …"""

    name: str
    environment: str


class Advisor:
    """The process of a search: a line of JSON for each ask and each tell."""

    def __init__(self, entrant: Entrant, task: Task, seed: int, trials: int, workers: int) -> None:
        self._process = subprocess.Popen(
            [python_of(entrant.environment), str(PEERS / "quality_peer.py"), entrant.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment(),
        )  # fmt: skip
        self.seconds = 0.0  # that the search took, as it measured itself
        self._call({"space": task.space, "seed": seed, "trials": trials, "workers": workers})

    def _call(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], SILENT)[0]:
            raise RuntimeError(f"it did not answer for {SILENT:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended with exit status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        self.seconds += answer.get("seconds", 0.0)
        return answer

    def ask(self) -> dict[str, Any]:
        params: dict[str, Any] = self._call({"ask": True})["params"]
        return params

    def tell(self, number: int, loss: float) -> None:
        self._call({"tell": number, "loss": loss})

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def run(entrant: Entrant, task: Task, seed: int, trials: int, workers: int) -> dict[str, Any]:
    """Regrets after some numbers of ended trials, and the seconds of search a trial.

    With more than one worker, trials end in the order that their durations give. A trial that failed is told as the
    worst loss so far, to every search alike.
    """
    advisor = Advisor(entrant, task, seed, trials, workers)
    regrets: dict[int, float] = {}
    best, worst = math.inf, -math.inf
    running: list[tuple[float, int, float]] = []  # end, number, loss
    now, asked, ended = 0.0, 0, 0
    try:
        while ended < trials and advisor.seconds < PATIENCE:
            while len(running) < workers and asked < trials:
                loss, seconds = task.run(advisor.ask())
                heapq.heappush(running, (now + max(seconds, 1e-6), asked, loss))
                asked += 1
            now, number, loss = heapq.heappop(running)
            if math.isfinite(loss):
                best, worst = min(best, loss), max(worst, loss)
            advisor.tell(number, loss if math.isfinite(loss) else worst if math.isfinite(worst) else 1.0)
            ended += 1
            if ended in CHECKPOINTS:
                regrets[ended] = task.regret(best)
    finally:
        advisor.close()
    return {
        "search": entrant.name, "task": task.name, "seed": seed, "workers": workers, "regrets": regrets,
        "seconds": advisor.seconds / max(ended, 1),
    }  # fmt: skip
