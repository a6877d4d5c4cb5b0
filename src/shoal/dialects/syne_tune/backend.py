"""Where trials run: scripts and functions on this machine."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shoal.dialects.syne_tune import report
from shoal.dialects.syne_tune.constants import ST_CHECKPOINT_DIR, ST_CONFIG_JSON_FNAME_ARG
from shoal.dialects.syne_tune.refusals import absent, refused
from shoal.engines.shares import VISIBLE, visible_gpus
from shoal.errors import ObjectiveError, StudyError
from shoal.live import LiveTrial
from shoal.objectives.command import CHECKPOINT_PLACE, PARAMS_PLACE
from shoal.objectives.lines import Steps
from shoal.space.choices import Categorical
from shoal.space.domain import Domain

_SUBMIT = "run peers on a cluster with `shoal submit`, or `shoal join` on any machine that sees the store"
_SIMULATE = "try schedulers in virtual time with `shoal simulate`"

__getattr__ = absent(
    __name__,
    {"SageMakerBackend": _SUBMIT, "SimulatorBackend": _SIMULATE, "BlackboxRepositoryBackend": _SIMULATE,
     "UserBlackboxBackend": _SIMULATE},
)  # fmt: skip


@dataclass(frozen=True)
class Gpus:
    """Which GPUs there are to share: of those that are seen, ``each`` for a trial."""

    rotate: bool = True
    each: int = 1
    use: Sequence[int] | None = None

    def share(self, workers: int) -> float | None:
        """How many each peer gets; None: what there is, evenly."""
        seen = self._seen()
        if seen and not self.rotate:
            raise refused("rotate_gpus=False", "each peer gets GPUs of its own; use n_workers=1, or leave it out")
        return float(self.each) if seen and (self.each > 1 or len(seen) >= workers) else None

    def _seen(self) -> list[str]:
        seen = visible_gpus(os.environ)
        if self.use is None or not seen:
            return seen
        if not all(0 <= place < len(seen) for place in self.use):
            raise StudyError(f"gpus_to_use={list(self.use)}: there are GPUs 0 to {len(seen) - 1}")
        return [seen[place] for place in self.use]

    @contextmanager
    def visible(self) -> Iterator[None]:
        """Have no other GPUs seen for a while."""
        before = os.environ.get(VISIBLE)
        if self.use is not None and (seen := self._seen()):
            os.environ[VISIBLE] = ",".join(seen)
        try:
            yield
        finally:
            os.environ.pop(VISIBLE, None)
            if before is not None:
                os.environ[VISIBLE] = before


class LocalBackend:
    """Runs a script on this machine: as ``python entry_point --name value … --st_checkpoint_dir DIR``.

    With ``pass_args_as_json`` it gets ``--st_config_json_filename FILE`` instead of the params. ``binary`` runs it in
    the place of this Python. With ``delete_checkpoints`` none is left at the end. Raises ObjectiveError where there is
    no such script.
    """

    def __init__(
        self, entry_point: str, binary: str | None = None, delete_checkpoints: bool = False,
        pass_args_as_json: bool = False, rotate_gpus: bool = True, num_gpus_per_trial: int = 1,
        gpus_to_use: Sequence[int] | None = None,
    ) -> None:  # fmt: skip
        if not Path(entry_point).is_file():
            raise ObjectiveError(f"there is no script {str(entry_point)!r} in {os.getcwd()}; give its path")
        self.entry_point = str(entry_point)
        self.delete_checkpoints = delete_checkpoints
        self.gpus = Gpus(rotate_gpus, num_gpus_per_trial, gpus_to_use)
        self._as_json = pass_args_as_json
        self._binary = [] if binary is None else shlex.split(binary)

    @property
    def name(self) -> str:
        """What a study of it is called."""
        return Path(self.entry_point).stem

    def objective(self, config_space: Mapping[str, Any]) -> list[str]:
        """The command that a study tunes."""
        if not self._as_json and (long := [name for name, value in config_space.items() if _nested(value)]):
            raise StudyError(
                f"{', '.join(long)}: lists and dicts do not go on a command line; use LocalBackend(…, "
                "pass_args_as_json=True), and load_config_json in the script"
            )
        start = self._binary or ([] if self.entry_point.endswith(".py") else [sys.executable])
        json = [f"--{ST_CONFIG_JSON_FNAME_ARG}", PARAMS_PLACE] if self._as_json else []
        return [*start, self.entry_point, *json, f"--{ST_CHECKPOINT_DIR}", CHECKPOINT_PLACE]


class PythonBackend:
    """Calls a function with the params that ``config_space`` names, in peers of this machine. It reports with
    `Reporter`, and may use what its module has imported."""

    def __init__(
        self, tune_function: Callable[..., Any], config_space: Mapping[str, Any], rotate_gpus: bool = True,
        delete_checkpoints: bool = False,
    ) -> None:  # fmt: skip
        if not callable(tune_function):
            raise ObjectiveError(f"tune_function must be a function, got {tune_function!r:.100}")
        self.entry_point = self.name = getattr(tune_function, "__name__", "function")
        self.delete_checkpoints = delete_checkpoints
        self.gpus = Gpus(rotate_gpus)
        self._function, self._names = tune_function, tuple(config_space)

    def objective(self, config_space: Mapping[str, Any]) -> Reporting:
        """What a study tunes."""
        if missing := [name for name in self._names if name not in config_space]:
            raise StudyError(f"{', '.join(missing)}: in PythonBackend's config_space, but not in the scheduler's")
        return Reporting(self._function, self._names)


@dataclass(frozen=True)
class Reporting:
    """A function that reports with `Reporter`, as one of ``(params, trial)``."""

    function: Callable[..., Any]
    names: tuple[str, ...]

    def __call__(self, params: Mapping[str, Any], trial: LiveTrial) -> None:
        steps = Steps(trial.counted, trial.last_step)

        def tell(**metrics: Any) -> None:
            step, metrics = steps(metrics)
            trial.report(step, **metrics)

        report.tell, elsewhere = tell, report.tell
        try:
            self.function(**{name: params[name] for name in self.names if name in params})
        finally:
            report.tell = elsewhere


def _nested(value: Any) -> bool:
    """Whether a value, or one of a domain's, is no single word."""
    values = value.choices if isinstance(value, Categorical) else () if isinstance(value, Domain) else (value,)
    return any(isinstance(one, (list, tuple, dict)) or one is None for one in values)
