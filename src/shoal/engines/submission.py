"""Peers as jobs of a scheduler, by PSI/J: Slurm, PBS, LSF, Flux, Cobalt, or processes of this machine.

M. Hategan-Marandiuc et al.: PSI/J: A Portable Interface for Submitting, Monitoring, and Managing Jobs. e-Science 2023.

A job's script holds the path of one file alone, in an alphabet that no shell minds: names, paths and set-up lines are
in that file, which only its owner can read.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import tempfile
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shoal.engines.jobs import PROGRAM, remember, whereabouts
from shoal.errors import StudyError, unknown

if TYPE_CHECKING:
    from psij import Job, JobExecutor

SCHEDULERS = ("slurm", "pbs", "pbs_classic", "lsf", "flux", "cobalt", "local")
PLAIN = re.compile(r"[^\n\r\"`$\\]*")


class Submission(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is asked of the scheduler: the keys of ``submit:`` in study.yaml."""

    scheduler: str = "slurm"
    jobs: int = 1
    peers_per_job: int = 1
    cpus_per_peer: int = 1
    gpus_per_peer: int = 0
    time: str = "1:00:00"  # hours:minutes:seconds
    queue: str | None = None
    account: str | None = None
    native: dict[str, str | int | bool | None] = {}  # options of the scheduler's own: {"slurm.gres": "gpu:v100:1"}
    modules: list[str] = []  # to load first; where one cannot be, the job ends
    activate: str | None = None  # the script that activates an environment, as in "~/venv/bin/activate"; the same
    environment: dict[str, str | int | float] = {}
    bash: list[str] = []  # lines that a shell runs first
    requeue: bool = False  # whether a job that runs out of time submits a successor

    def __post_init__(self) -> None:
        if self.scheduler not in SCHEDULERS:
            raise StudyError(unknown("scheduler", self.scheduler, SCHEDULERS))
        for key, least in (("jobs", 1), ("peers_per_job", 1), ("cpus_per_peer", 1), ("gpus_per_peer", 0)):
            if (count := getattr(self, key)) < least:
                raise StudyError(f"submit: {key} is {least} or more, got {count}")
        for key, value in self.native.items():
            if key.split(".")[0] not in SCHEDULERS:  # PSI/J passes it over
                raise StudyError(f"submit: native: {key}: {unknown('scheduler', key.split('.')[0], SCHEDULERS)}")
            if value is None or isinstance(value, bool) or not str(value).strip():  # PSI/J writes --requeue=""
                raise StudyError(
                    f"submit: native: {key} needs a value that the scheduler takes, got {value!r}: write it as in "
                    "slurm.exclusive=exclusive. An option that takes none, such as --hold, cannot be handed over: put "
                    "it into a job script of your own that runs `shoal tune`"
                )
        for text in (self.queue, self.account, *self.native, *self.native.values()):
            if not PLAIN.fullmatch(str(text or "")):
                raise StudyError(f"submit: {text!r} holds a quote, a dollar or a line break, which no scheduler takes")
        for name in self.environment:
            if not re.fullmatch(r"[A-Za-z_]\w*", name):
                raise StudyError(f"submit: environment: {name!r} is no name of a variable")
        if not self.seconds:  # which is no limit to some schedulers
            raise StudyError(f"submit: time {self.time!r} leaves no time to run in; write one as in 12:00:00")

    @property
    def seconds(self) -> float:
        """The wall time."""
        parts = self.time.split(":")
        if not 1 <= len(parts) <= 3 or not all(part.isdigit() for part in parts):
            raise StudyError(f"submit: time {self.time!r}: write hours:minutes:seconds, as in 12:00:00")
        return float(sum(int(part) * 60**power for power, part in enumerate(reversed(parts))))


class Order(msgspec.Struct, kw_only=True):
    """What a job is told: the text of its file."""

    store: str
    study: str
    folder: str  # where it runs
    log: str  # what its output goes to, with the number of the job appended; "" leaves that to the scheduler
    submission: Submission
    after: str = ""  # module:function, which is given the study and a folder when the peers of a job have ended …
    results: str = ""  # … this one


def order_file(place: Path, order: Order) -> Path:
    """Where an order lies: jobs that wait keep theirs when others are submitted with other settings, or for another
    store."""
    told = msgspec.structs.replace(order, store=whereabouts(order.store))  # without its password
    return place / f"order-{sha256(msgspec.json.encode(told)).hexdigest()[:12]}.json"


def submit(order: Order, file: Path, count: int) -> list[str]:
    """Submit so many jobs; returns the scheduler's ids. Raises StudyError where it refuses."""
    from psij import JobExecutor, SubmitException

    write_order(file, order)
    try:
        executor = JobExecutor.get_instance(order.submission.scheduler)
    except ValueError as error:
        raise StudyError(f"PSI/J knows no scheduler {order.submission.scheduler!r}: {error}") from None
    ids: list[str] = []
    for _ in range(count):
        job = _job(order, file)
        try:
            executor.submit(job)
        except (SubmitException, OSError) as error:
            done = f" after {len(ids)} jobs" if ids else ""
            raise StudyError(f"{order.submission.scheduler} refused the job{done}: {str(error).strip()}") from None
        ids.append(str(job.native_id))
        remember(file.parent, order.submission.scheduler, ids[-1], order.store)
    return ids


def write_order(file: Path, order: Order) -> None:
    """Write what a job is told, for its owner's eyes alone."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _write(file, msgspec.json.encode(order))


def argument(file: Path) -> str:
    """A path in an alphabet that no shell minds: what ``python -m shoal.submitted`` is given."""
    return urlsafe_b64encode(str(file).encode()).decode().rstrip("=")


def script(order: Order, file: Path) -> str:
    """What would be submitted."""
    from psij import JobExecutor
    from psij.executors.batch.batch_scheduler_executor import BatchSchedulerExecutor

    job = _job(order, file)
    executor: JobExecutor = JobExecutor.get_instance(order.submission.scheduler)
    assert job.spec is not None
    if not isinstance(executor, BatchSchedulerExecutor):
        return shlex.join([str(job.spec.executable), *(job.spec.arguments or [])]) + "\n"
    text = io.StringIO()
    executor.generate_submit_script(job, executor._create_script_context(job), text)
    return re.sub(r"\n\s*\n+", "\n\n", text.getvalue())


def _job(order: Order, file: Path) -> Job:
    from psij import Job, JobAttributes, JobSpec, ResourceSpecV1

    asked = order.submission
    resources = ResourceSpecV1(
        node_count=1, processes_per_node=1, cpu_cores_per_process=asked.cpus_per_peer * asked.peers_per_job,
        gpu_cores_per_process=asked.gpus_per_peer * asked.peers_per_job or None,
    )  # fmt: skip
    attributes = JobAttributes(
        duration=timedelta(seconds=asked.seconds), queue_name=asked.queue, account=asked.account,
        custom_attributes={key: str(value) for key, value in asked.native.items()} or None,
    )  # fmt: skip
    job = Job(
        JobSpec(
            executable=sys.executable, arguments=["-m", PROGRAM, argument(file)], resources=resources,
            attributes=attributes, launcher=_launcher(asked.scheduler),
        )
    )  # fmt: skip
    job.name = "shoal-" + re.sub(r"\W", "_", order.study, flags=re.ASCII)[:40]  # type: ignore[attr-defined]
    return job  # PSI/J's scripts look for the name there


def _launcher(scheduler: str) -> str:
    """The launcher of PSI/J's: of a batch job one that lets it hear the signals of the scheduler."""
    if scheduler in ("local", "flux"):  # which run a command, not a script
        return "single"
    from packaging.version import Version
    from psij import Launcher
    from psij.descriptor import Descriptor

    name = "shoal-exec"
    root = Path(__file__).parents[2]
    Launcher.register_launcher(Descriptor(name, Version("1.0"), "shoal.engines.launching.ExecLauncher"), str(root))
    return name


def set_up(asked: Submission) -> str:
    """The lines that a shell runs before the peers."""
    lines = [or_end(f"module load {shlex.quote(name)}") for name in asked.modules]
    if asked.activate:
        lines.append(or_end(f"source {shlex.quote(os.path.expanduser(asked.activate))}"))
    lines += [f"export {name}={shlex.quote(str(value))}" for name, value in asked.environment.items()]
    return "\n".join([*lines, *asked.bash])


def or_end(line: str) -> str:
    """A line of a shell that ends its job where it fails: trials would run in the wrong environment."""
    message = shlex.quote(f"shoal: the job ends, as its set-up failed: {line}")
    return f"{line}\n[ $? -eq 0 ] || {{ echo {message} >&2; exit 1; }}"


def _write(path: Path, data: bytes) -> None:
    """Put a file in its place at once: a job that begins may be reading it."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=".order-")  # for its owner alone
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.replace(fresh, path)


def words(submission: Submission) -> str:
    """What is asked for, in words."""
    jobs, each = submission.jobs, submission.peers_per_job
    gpus = f", {submission.gpus_per_peer} GPU each" if submission.gpus_per_peer else ""
    count = f"{jobs} job{'s' * (jobs != 1)} of {each} peer{'s' * (each != 1)}{gpus}"
    return f"{count}, {submission.time} each, to {submission.scheduler}"
