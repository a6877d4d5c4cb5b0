"""What all tests share."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import psutil
import pytest

from shoal.models.threads import one_thread

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what it runs in the background ignore Ctrl-C


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in a folder of its own, where the default store and files lie."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHOAL_STORE", raising=False)
    return tmp_path


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    """No test leaves a process behind; one that was killed may take a moment to be gone."""
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child.pid for child in psutil.Process().children(recursive=True) if child.pid not in before]
    wait_until(lambda: not any(alive(pid) for pid in left), 10)


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for a condition, with a bound."""
    end = monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert monotonic() < end, "waited in vain"
        pause.wait(0.02)


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What ``count`` threads that begin together return."""
    barrier, answers = threading.Barrier(count), dict[int, Any]()

    def run(k: int) -> None:
        barrier.wait()
        answers[k] = work(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count, "a thread failed"
    return [answers[k] for k in range(count)]


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids_in(folder: Path) -> list[int]:
    """The process numbers that trials wrote into files ``*.pid``."""
    return [int(path.read_text() or os.getpid()) for path in folder.glob("*.pid")]


@pytest.fixture
def slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = os.environ.get("SHOAL_TEST_SLURM_CONF")
    if not conf:
        pytest.skip("no Slurm here: SHOAL_TEST_SLURM_CONF is not set; see scripts/services")
    monkeypatch.setenv("SLURM_CONF", conf)


@pytest.fixture
def one_blas_thread() -> Iterator[None]:
    """As the searches ask their models: more threads are slower, by far where others work, too."""
    with one_thread():
        yield
