"""SQLite files: kept between processes, brought up to date, and refused where they are not ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from conftest import at_once
from databases import database
from shoal.contracts import Grant
from shoal.errors import StoreError
from shoal.records import Defined, Definition, Ended
from shoal.stores.schema import VERSION, prepare
from shoal.stores.sql import SqlStore

FIRST = Defined(1, Definition(name="s", space={"x": "uniform(0.0, 1.0)"}), 0.0)
END = Ended(0, "done", 0.0, {"loss": 1.0})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store with a study of some records."""
    path = tmp_path / "study.db"
    store = SqlStore(f"sqlite:///{path}")
    store.create("s", FIRST)
    for _ in range(200):
        store.append("s", "p", [END] * 10)
    store.take("s", "p", 7, None)
    store.claim("s", "key", "p")
    store.close()
    return path


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    [(version,)] = connection.execute("SELECT version FROM shoal_about").fetchall()
    connection.close()
    return int(version)


def migrate(path: Path, migrations: dict[int, Callable[[Connection], None]], version: int) -> None:
    engine = create_engine(f"sqlite:///{path}")
    try:
        with engine.begin() as connection:
            prepare(connection, str(path), migrations, version)
    finally:
        engine.dispose()


def test_a_server_that_goes_away_while_tables_are_made_is_what_the_error_tells(tmp_path: Path) -> None:
    engine = create_engine(database("mysql", tmp_path.name))

    def cut(connection: Connection) -> None:
        mine = connection.execute(text("SELECT connection_id()")).scalar()
        with engine.connect() as other:
            other.execute(text(f"KILL {mine}"))
        connection.execute(text("SELECT 1"))

    with engine.begin() as connection:
        prepare(connection, "here")
    with pytest.raises(OperationalError, match="Lost connection"), engine.begin() as connection:
        prepare(connection, "here", {VERSION: cut}, VERSION + 1)
    engine.dispose()


def test_a_store_that_is_opened_again_goes_on_where_it_was(path: Path) -> None:
    store = SqlStore(f"sqlite:///{path}", create=False)
    assert store.studies() == ["s"]
    records, cursor = store.read("s", 0)
    assert records == [FIRST] + [END] * 2_000
    store.append("s", "q", [END])
    assert store.read("s", cursor)[0] == [END]
    assert store.take("s", "q", 1, None) == Grant(7, 8)
    assert not store.claim("s", "key", "q")
    store.beat("s", "q", 60.0)
    assert store.adopt("s", "q") == [Grant(0, 7, 1)]
    store.close()


def test_two_open_stores_on_one_file_see_each_other(path: Path) -> None:
    one, two = SqlStore(f"sqlite:///{path}"), SqlStore(f"sqlite:///{path}")
    _, cursor = two.read("s", 0)
    one.append("s", "one", [END])
    assert two.read("s", cursor)[0] == [END]
    assert (one.take("s", "one", 2, None), two.take("s", "two", 2, None)) == (Grant(7, 9), Grant(9, 11))
    one.close()
    two.close()


@pytest.mark.parametrize("again", range(10))  # a race, seen about once in ten times
def test_many_may_open_a_new_file_at_once(tmp_path: Path, again: int) -> None:
    stores, problems = list[SqlStore](), list[Exception]()

    def work(_: int) -> None:
        try:
            stores.append(SqlStore(f"sqlite:///{tmp_path}/new.db"))
        except StoreError as error:
            problems.append(error)

    at_once(8, work)
    assert problems == []
    assert [store.create("s", FIRST) for store in stores] == [True] + [False] * 7
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    "content", [b"lr,loss\n" + b"0.1,0.5\n" * 1000, b"\0" * 5000, b"SQLite format 3", b"a,b\n1,2\n"]
)
def test_a_foreign_file_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"results\.csv.*(no SQLite database|damaged|cut off)"):
        SqlStore(f"sqlite:///{path}")
    assert path.read_bytes() == content


@pytest.mark.parametrize("share", [0.002, 0.1, 0.5, 0.95])
def test_a_truncated_file_is_an_error_that_says_so(path: Path, share: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StoreError, match=r"study\.db.*(damaged|cut off)"):
        SqlStore(f"sqlite:///{path}").read("s", 0)


def test_a_damaged_batch_is_named(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE shoal_batches SET records = ? WHERE seq = 3", (b'[{"kind": "ended", "num',))
    connection.commit()
    connection.close()
    store = SqlStore(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="batch 3 of study 's' cannot be read"):
        store.read("s", 0)
    store.close()


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nowhere/study\.db.*the folder must exist"):
        SqlStore(f"sqlite:///{tmp_path}/nowhere/study.db")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open"):
        SqlStore(f"sqlite:///{tmp_path}")


def test_a_store_that_is_to_be_there_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store .*absent\.db"):
        SqlStore(f"sqlite:///{tmp_path}/absent.db", create=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["", "study.db", "://", "nosql://host/db", "oracle://host/db", "mssql://host/db"])
def test_what_is_no_url_of_a_database_we_know_is_refused(url: str) -> None:
    with pytest.raises(StoreError):
        SqlStore(url)


def test_a_password_does_not_show_in_errors() -> None:
    with pytest.raises(StoreError) as error:
        SqlStore("oracle://me:sesame@host/db")
    assert "sesame" not in str(error.value)


def test_a_file_of_a_newer_shoal_is_refused_politely(path: Path) -> None:
    migrate(path, {VERSION: lambda connection: None}, VERSION + 1)
    with pytest.raises(StoreError, match=rf"newer Shoal \(schema {VERSION + 1}; this one knows {VERSION}\): "):
        SqlStore(f"sqlite:///{path}")
    assert version_of(path) == VERSION + 1


def test_a_file_of_an_older_shoal_is_brought_up_to_date_step_by_step(path: Path) -> None:
    steps: list[int] = []

    def add_colour(connection: Connection) -> None:
        steps.append(VERSION)
        connection.execute(text("ALTER TABLE shoal_studies ADD COLUMN colour VARCHAR(20) DEFAULT 'red'"))

    def repaint(connection: Connection) -> None:
        steps.append(VERSION + 1)
        connection.execute(text("UPDATE shoal_studies SET colour = 'blue'"))

    migrations = {VERSION: add_colour, VERSION + 1: repaint}
    migrate(path, migrations, VERSION + 2)
    assert (steps, version_of(path)) == ([VERSION, VERSION + 1], VERSION + 2)
    migrate(path, migrations, VERSION + 2)
    assert steps == [VERSION, VERSION + 1]  # nothing is done twice
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT name, colour, last_batch FROM shoal_studies").fetchall() == [("s", "blue", 201)]
    connection.close()


def test_a_migration_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    def spoil(connection: Connection) -> None:
        connection.execute(text("DELETE FROM shoal_batches"))
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        migrate(path, {VERSION: spoil}, VERSION + 1)
    assert version_of(path) == VERSION
    store = SqlStore(f"sqlite:///{path}")
    assert len(store.read("s", 0)[0]) == 2_001
    store.close()


def test_hostile_paths_are_paths(tmp_path: Path) -> None:
    folder = tmp_path / "naïve '学' & co"
    folder.mkdir()
    store = SqlStore(f"sqlite:///{folder}/a b#c.db")
    assert store.create("s", FIRST)
    store.close()
    assert (folder / "a b#c.db").exists()
