"""PostgreSQL: a server that restarts under load, peers that open the store at once, and passwords that stay secret."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

import shoal
from conftest import at_once, wait_until
from databases import database
from shoal.errors import StoreError
from shoal.records import Defined, Definition, Ended
from shoal.stores.sql import SqlStore

FIRST = Defined(1, Definition(name="s", space={"x": "uniform(0.0, 1.0)"}), 0.0)
OBJECTIVE = """
import time
def train(params):
    time.sleep(0.05)
    return params["x"]
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return database("postgresql", tmp_path.name)


@pytest.fixture
def store(url: str) -> Iterator[SqlStore]:
    made = SqlStore(url)
    made.create("s", FIRST)
    yield made
    made.close()


def restart() -> None:
    """End every session at once, and start the server again; it keeps the port."""
    control = os.environ.get("SHOAL_TEST_PG_CTL")
    if not control:
        pytest.skip("SHOAL_TEST_PG_CTL does not say how the server is restarted; see scripts/services")
    subprocess.run([*shlex.split(control), "-m", "immediate", "-w", "restart"], check=True, stdout=subprocess.DEVNULL)


def test_a_server_that_restarts_under_load_loses_nothing(store: SqlStore) -> None:
    writers, each = 4, 300
    count = [0] * writers

    def write(k: int) -> None:
        for n in range(each):
            store.append("s", f"peer {k}", [Ended(k * each + n, "done", 0.0, {"loss": 1.0})])
            grant = store.take("s", f"peer {k}", 1, None)
            assert grant is not None
            granted.append(grant.start)
            count[k] += 1

    granted: list[int] = []
    threads = [threading.Thread(target=write, args=(k,)) for k in range(writers)]
    for thread in threads:
        thread.start()
    wait_until(lambda: min(count) > 20)
    restart()
    for thread in threads:
        thread.join()
    assert sorted(granted) == list(range(writers * each))  # each number once, none left out
    told = {record.number for record in store.read("s", 0)[0] if isinstance(record, Ended)}
    assert told == set(range(writers * each))


def test_a_study_goes_on_when_its_server_restarts(url: str, folder: Path) -> None:
    (folder / "train.py").write_text(OBJECTIVE)
    options = {"trials": 60, "workers": 3, "search": "random", "seed": 0, "progress": False, "timeout": 120}
    ended: list[str] = []

    def run() -> None:
        ended.append(shoal.tune("train.py:train", {"x": (0.0, 1.0)}, store=url, name="s", **options).ended)  # type: ignore[arg-type]

    tuning = threading.Thread(target=run)
    tuning.start()
    watch = SqlStore(url)
    wait_until(lambda: "s" in watch.studies() and len(shoal.Study.open("s", url).trials) > 10)
    restart()
    tuning.join()
    assert ended == ["all 60 trials have ended"]
    trials = shoal.Study.open("s", url).trials
    assert [trial.number for trial in trials] == list(range(60))
    assert {trial.outcome for trial in trials} == {"done"}
    watch.close()


def test_a_server_that_is_known_to_have_been_there_is_waited_for(url: str) -> None:
    """As by peers that start while it restarts: their study has been begun there."""
    SqlStore(url).close()
    restarting = threading.Thread(target=restart)
    restarting.start()
    opened = 0
    while restarting.is_alive():
        SqlStore(url, create=False, known=True).close()
        opened += 1
    assert opened


def test_who_only_looks_leaves_an_empty_database_as_it_is(url: str) -> None:
    with pytest.raises(StoreError, match="the database holds no studies yet"):
        SqlStore(url, create=False)
    engine = create_engine(url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_of_many_peers_that_open_a_new_store_at_once_all_succeed(url: str) -> None:
    problems: list[Exception] = []

    def begin(_: int) -> None:
        try:
            SqlStore(url).close()
        except StoreError as problem:
            problems.append(problem)

    at_once(32, begin)
    assert problems == []


def test_a_password_is_in_no_journal_no_error_and_no_command_line(url: str, folder: Path) -> None:
    (folder / "train.py").write_text(
        "import psutil\ndef train(params):\n"
        "    lines = [' '.join(p.cmdline()) for p in psutil.Process().parents()]\n"
        "    assert not any('shoal' + '-tests' in line for line in lines), 'in ps'\n    return params['x']\n"
    )
    study = shoal.tune("train.py:train", {"x": (0.0, 1.0)}, store=url, name="s", trials=4, workers=2, progress=False)
    assert {trial.outcome for trial in study.trials} == {"done"}
    for path in folder.rglob("*"):
        assert not path.is_file() or b"shoal-tests" not in path.read_bytes()
    for words, status in (["status", "nothing"], 1), (["doctor", "s"], 0), (["top", "s"], 0):
        shown = subprocess.run(
            [sys.executable, "-m", "shoal", *words, "--store", url], capture_output=True, text=True
        )  # fmt: skip
        assert shown.returncode == status
        assert "shoal-tests" not in shown.stdout + shown.stderr
    with pytest.raises(StoreError) as caught:
        SqlStore(url.replace("shoal-tests", "sesame"))
    assert "sesame" not in str(caught.value)
    assert "the user or the password is wrong" in str(caught.value)


def test_what_to_type_next_is_no_url_without_its_password(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "train.py").write_text("def train(params):\n    return params['x']\n")
    words = [sys.executable, "-m", "shoal", "tune", "train.py:train", "-p", "x=(0.0, 1.0)", "-n", "1", "-q"]
    by_option = subprocess.run([*words, "--name", "a", "--store", url], capture_output=True, text=True).stdout
    assert (
        "Next, once SHOAL_STORE is set to the URL of the store, with its password:\n  shoal top a -k 5  " in by_option
    )
    monkeypatch.setenv("SHOAL_STORE", url)
    by_variable = subprocess.run([*words, "--name", "b"], capture_output=True, text=True).stdout
    assert "Next:\n  shoal top b -k 5  " in by_variable
