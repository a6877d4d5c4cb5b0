"""Who may run which trials of a study in a folder, however many there are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shoal.contracts import Grant
from shoal.stores import deeds
from shoal.stores.deeds import EACH, Deeds


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders whose time has not changed are not listed again, at once."""
    monkeypatch.setattr(deeds, "STILL", -1.0)


def taken(path: Path, peer: str, blocks: int, count: int = EACH // 3) -> list[Grant]:
    """Blocks of numbers that a process takes, whose ends are not those of folders."""
    mine = Deeds(path)
    found = [mine.take(peer, count, None, ()) for _ in range(blocks)]
    return [grant for grant in found if grant is not None]


def age(path: Path) -> None:
    """Have all folders be of long ago."""
    for folder in path.iterdir():
        os.utime(folder, (0, 0))


def test_who_joins_late_is_granted_the_number_after_the_last(tmp_path: Path) -> None:
    grants = taken(tmp_path, "early", 8)
    assert len(list(tmp_path.iterdir())) == 3
    assert Deeds(tmp_path).take("late", 1, None, ()) == Grant(grants[-1].stop, grants[-1].stop + 1)
    assert Deeds(tmp_path).take("late", 1, grants[-1].stop, ()) is None


def test_a_folder_that_a_dying_peer_left_empty_or_that_holds_resumed_trials_alone_is_no_last_number(
    tmp_path: Path,
) -> None:
    stop = taken(tmp_path, "early", 1, EACH + 5)[0].stop
    assert Deeds(tmp_path).resume("early", EACH + 1, 1) == Grant(EACH + 1, EACH + 2, 1, 1)
    (tmp_path / f"{7:09d}").mkdir()
    assert Deeds(tmp_path).take("late", 1, None, ()) == Grant(stop, stop + 1)


def test_what_a_dead_peer_holds_is_adopted_from_every_folder_and_what_it_settled_is_not(tmp_path: Path) -> None:
    dead = Deeds(tmp_path)
    grants = [dead.take("dead", EACH // 2, None, ()) for _ in range(6)]
    dead.take("dead", 1, None, [grant.key for grant in grants[1:4] if grant is not None])
    heir = Deeds(tmp_path)
    assert heir.adopt("heir", {"dead"}) == []
    found = heir.adopt("heir", {"heir"})
    assert [grant.start // EACH for grant in found] == [0, 2, 2, 3]
    assert {grant.generation for grant in found} == {1}
    assert Deeds(tmp_path).adopt("third", {"heir"}) == []
    assert len(Deeds(tmp_path).adopt("third", set())) == 4


def test_a_trial_of_long_ago_that_another_process_resumed_is_found(tmp_path: Path) -> None:
    taken(tmp_path, "old", 8)
    age(tmp_path)
    onlooker = Deeds(tmp_path)
    assert onlooker.adopt("onlooker", {"old"}) == onlooker.adopt("onlooker", {"old"}) == []
    for attempt in (1, 2):
        assert Deeds(tmp_path).resume("other", 5, attempt) is not None
    assert onlooker.adopt("onlooker", {"old"}) == [Grant(5, 6, 3, 2)]


def test_only_folders_that_have_changed_are_listed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Deeds(tmp_path)
    for _ in range(9):
        mine.take("p", EACH // 3, None, ())
    age(tmp_path)
    mine.adopt("p", {"p"})
    listed = []
    listdir = deeds.os.listdir
    monkeypatch.setattr(deeds.os, "listdir", lambda path: listed.append(path) or listdir(path))
    mine.adopt("p", {"p"})
    assert listed == []
    mine.take("p", 1, None, ())
    mine.adopt("p", {"p"})
    assert len(listed) == 1
