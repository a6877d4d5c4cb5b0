"""A peer that is frozen, or whose machine loses power, in the middle of a transaction holds up no one for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from conftest import wait_until
from databases import database
from shoal.contracts import Grant
from shoal.records import Defined, Definition, Ended
from shoal.stores.sql import SqlStore

FREEZER = """
import os, signal, sys
import shoal.stores.database
from shoal.stores.sql import SqlStore

shoal.stores.database.IDLE = 1.0
store, frozen = SqlStore(sys.argv[1]), []
grant = store._grant

def freeze(*arguments):
    grant(*arguments)
    if not frozen:
        frozen.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)  # with the study's row locked

store._grant = freeze
print(store.take("s", "frozen", 2, None).start)
"""


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_the_others_go_on_while_a_writer_is_frozen_in_a_transaction_and_so_does_it_when_it_wakes(
    kind: str, tmp_path: Path
) -> None:
    url = database(kind, f"frozen {tmp_path}")
    store = SqlStore(url)
    store.create("s", Defined(1, Definition(name="s", space={}), 0.0))
    with subprocess.Popen([sys.executable, "-c", FREEZER, url], stdout=subprocess.PIPE, text=True) as writer:
        try:
            wait_until(lambda: psutil.Process(writer.pid).status() == psutil.STATUS_STOPPED)
            store.append("s", "p", [Ended(0, "done", 0.0, {"loss": 1.0})])
            assert store.take("s", "p", 2, None) == Grant(0, 2)
            os.kill(writer.pid, signal.SIGCONT)
            assert writer.stdout is not None
            assert writer.stdout.read() == "2\n"
        finally:
            writer.kill()
    store.close()
