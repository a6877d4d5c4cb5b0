"""A PostgreSQL server of one's own, on a free port of the loopback, that may be stopped and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from pathlib import Path

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/bin", "/usr/local/bin")
OPTIONS = "-c listen_addresses=127.0.0.1 -c max_connections=100 -c fsync=off"


def programs() -> str:
    """The folder of initdb and pg_ctl; empty where there is no PostgreSQL, or no user to run it as."""
    found = [place for pattern in PLACES for place in sorted(glob(pattern)) if os.path.exists(f"{place}/pg_ctl")]
    usable = os.geteuid() or (shutil.which("runuser") and os.path.exists("/var/lib/postgresql"))
    return found[-1] if found and usable else ""


class Server:
    """A server whose data lie in ``folder``; `url` is that of an empty database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"
        if not os.geteuid():
            shutil.chown(folder, "postgres")
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-p {self._port} -c unix_socket_directories={self._folder} {OPTIONS}"
        self._run("pg_ctl", "-l", f"{self._folder}/log", "-w", "-t", "60", "-o", options, "start")

    def stop(self) -> None:
        """End it at once, with every session."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def _run(self, program: str, *words: str) -> None:
        user = [] if os.geteuid() else ["runuser", "-u", "postgres", "--"]
        command = [*user, f"{programs()}/{program}", "-D", f"{self._folder}/data", *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder)


@contextmanager
def own_server() -> Iterator[Server]:
    """A server that is there while this is entered."""
    folder = Path(tempfile.mkdtemp(prefix="shoal-pg-"))
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
