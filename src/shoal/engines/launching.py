"""How a batch job begins: the peers take the place of its shell.

Schedulers send their warning, as in ``sbatch --signal=B:USR1@60``, to a job's shell alone. A shell that waits for
another process dies of it, and the job with it.
"""

from __future__ import annotations

from psij import Job, Launcher


class ExecLauncher(Launcher):
    """Has the shell run the command in its own process. PSI/J loads this file by its path."""

    def get_launch_command(self, job: Job) -> list[str]:
        assert job.spec is not None
        return ["exec", str(job.spec.executable), *(job.spec.arguments or [])]

    def is_launcher_failure(self, output: str) -> bool:
        return False

    def get_launcher_failure_message(self, output: str) -> str:
        return output
