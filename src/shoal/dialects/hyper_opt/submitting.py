"""``shoal submit hyperparameters.yml model_config.yml``: the jobs of ``slurm:`` and ``pbs:``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from shoal.dialects.hyper_opt import results
from shoal.dialects.hyper_opt.jobs import script, submission, submit
from shoal.dialects.hyper_opt.settings import Batch
from shoal.dialects.hyper_opt.study import Plan, check_reload, plan
from shoal.engines.submission import Order, words
from shoal.errors import StudyError
from shoal.files import submit_directory
from shoal.journal import Journal
from shoal.study import Study
from shoal.submitting import prepare


@dataclass(frozen=True)
class Handed:
    """Jobs as they are asked for, and as they would be handed in."""

    kind: str
    batch: Batch
    order: Order

    @property
    def words(self) -> str:
        return words(self.order.submission)


def finish(study: Study, save_path: Path) -> None:
    """Merge the tables of all workers once more, when those of a job have ended."""
    results.merge(save_path)


class Submitting:
    """A study that exists, and its jobs."""

    def __init__(
        self, hyper: Path, model: Path, given: Mapping[str, Any], jobs: int | None = None,
        changed: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self.plan: Plan = plan(hyper, model, given, changed)
        asked = self.plan.settings.hyper
        batches = {kind: batch for kind, batch in (("slurm", asked.slurm), ("pbs", asked.pbs)) if batch is not None}
        if not batches:
            raise StudyError(
                f"{hyper}: there is no slurm: nor pbs: that says which jobs; `shoal tune` runs the study here"
            )
        if jobs is not None:
            batches = {kind: msgspec.structs.replace(batch, jobs=jobs) for kind, batch in batches.items()}
        asks = {kind: submission(kind, batch) for kind, batch in batches.items()}
        check_reload(self.plan)
        self.plan.settings.save_path.mkdir(parents=True, exist_ok=True)
        fields = dict(self.plan.fields)
        url = fields["store"]
        self.plan.freeze()
        self.journal: Journal
        self.journal, url = prepare(fields, fields["name"], next(iter(asks.values())), url, None)
        self.place = submit_directory(self.journal.history.definition)
        order = {"store": url, "study": self.journal.study, "folder": os.getcwd(), "log": "",
                 "after": f"{__name__}:finish", "results": str(self.plan.settings.save_path)}  # fmt: skip
        self.jobs = [Handed(k, batches[k], Order(**order, submission=asks[k])) for k in batches]

    def scripts(self) -> str:
        """What would be submitted."""
        return "\n".join(script(one.kind, one.batch, self.place / f"order-{one.kind}.json") for one in self.jobs)

    def submit(self) -> list[str]:
        """Hand the jobs in; returns the schedulers' ids."""
        save_path = self.plan.settings.save_path
        return [each for one in self.jobs for each in submit(one.kind, one.batch, one.order, self.place, save_path)]
