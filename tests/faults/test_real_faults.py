"""Faults made with real processes on every store: as many outcomes as were asked for, none twice, none lost.

`python -m benchmarks.faults` makes the same ones in full.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.faults import clocks, disks, freezing, killing, outages, postgresql, versions
from benchmarks.faults.crew import Crew
from benchmarks.faults.toll import Onlooker
from databases import database

STORES = ("sqlite", "folder", "postgresql", "mysql")


def url_of(store: str, folder: Path) -> str:
    return {"sqlite": f"sqlite:///{folder}/study.db", "folder": f"dir:{folder}/studies"}.get(store) or database(
        store, str(folder)
    )


@pytest.mark.parametrize("store", STORES)
def test_peers_and_supervisors_killed_at_random_cost_no_trial_and_repeat_none(store: str, folder: Path) -> None:
    toll = killing.killed(folder, url_of(store, folder), store, kills=20)
    assert toll.flaw == ""
    assert toll.struck == 20
    assert toll.again > 0, "no kill hit a trial"
    assert (toll.apart, toll.overruled) == (0, 0)


@pytest.mark.skipif(not killing.MPIEXEC.exists(), reason="no mpiexec beside this Python: pip install mpich mpi4py")
def test_a_rank_that_is_killed_ends_its_job_and_the_next_job_goes_on(folder: Path) -> None:
    toll = killing.ranks_killed(folder, url_of("folder", folder), "folder", kills=2)
    assert toll.flaw == ""
    assert (toll.apart, toll.overruled) == (0, 0)


@pytest.mark.parametrize("store", STORES)
def test_what_a_peer_that_was_frozen_past_its_lease_says_late_is_kept_apart_and_counted_once(
    store: str, folder: Path
) -> None:
    toll = freezing.frozen(folder, url_of(store, folder), store, times=2)
    assert toll.flaw == ""
    assert toll.apart >= 2


@pytest.mark.skipif(not clocks.library(), reason="no libfaketime: apt-get install faketime")
@pytest.mark.parametrize("store", STORES[1:])  # SQLite has the machine's own clock
def test_peers_whose_clocks_are_two_hours_off_take_nothing_from_each_other(store: str, folder: Path) -> None:
    toll = clocks.clocks_off(folder, url_of(store, folder), store, trials=400)
    assert toll.flaw == ""
    assert (toll.again, toll.apart) == (0, 0)


@pytest.mark.parametrize("store", STORES[:2])
def test_a_study_whose_disk_was_full_goes_on_once_there_is_room(store: str, folder: Path) -> None:
    with disks.small_disk(folder) as disk:
        if disk is None:
            pytest.skip("this machine does not let us mount a small disk")
        toll = disks.filled(folder, disk, url_of(store, disk), store)
    assert toll.flaw == ""


@pytest.mark.skipif(not postgresql.programs(), reason="no PostgreSQL that could be run: apt-get install postgresql")
@pytest.mark.parametrize(("peers", "lease"), [(16, 60.0), (4, 1.0)])
def test_a_server_that_is_away_under_its_peers_costs_no_outcome(folder: Path, peers: int, lease: float) -> None:
    """Also where it is away for longer than the leases: each peer then finds the others silent, and is alive."""
    toll = outages.outage(folder, seconds=3.0, peers=peers, lease=lease)
    assert toll.flaw == ""


# ---------------------------------------------------------------------- versions


@pytest.mark.parametrize("store", STORES[:2])
def test_peers_of_two_versions_work_together_where_one_just_says_more(store: str, folder: Path) -> None:
    toll = versions.two_versions(folder, url_of(store, folder), store, trials=1000)
    assert toll.flaw == ""
    assert (toll.again, toll.apart) == (0, 0)
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and "later" not in path.parts]
    assert any(b'"mood":"calm"' in data for data in written), "the later version was not one"


@pytest.mark.parametrize("store", STORES[:2])
def test_an_older_peer_leaves_when_it_meets_what_it_does_not_know_and_newer_ones_end_the_study(
    store: str, folder: Path
) -> None:
    newer = versions.later(folder, versions.KIND)
    with Crew(folder, url_of(store, folder), trials=900, seconds=0.1) as crew:
        old = crew.start(workers=2)
        crew.until(lambda: len(Onlooker(crew, "two versions", store).trials()) > 4)
        crew.start(workers=2, environment=newer)
        assert old.wait(120) == 1
        assert "cannot be read" in crew.said(old)
        assert "another version of Shoal: update" in crew.said(old)
        crew.hurry()
        crew.wait()
        assert "all 900 trials have ended" in crew.said(crew.supervisors[-1])
        assert said("doctor", crew, environment=newer).stdout.rstrip().endswith("900 trials, 900 ended, sound")
        assert "another version of Shoal: update" in said("doctor", crew).stderr


def test_a_store_that_a_newer_version_began_is_refused_with_both_versions(folder: Path) -> None:
    newer = versions.later(folder, versions.SCHEMA)
    with Crew(folder, url_of("sqlite", folder), trials=10, seconds=0.0) as crew:
        crew.start(workers=1, environment=newer)
        crew.wait()
        old = crew.start(workers=1)
        assert old.wait(60) == 1
        assert "newer Shoal (schema 2; this one knows 1): update Shoal here" in crew.said(old)
        assert said("doctor", crew, environment=newer).stdout.rstrip().endswith("10 trials, 10 ended, sound")


def said(
    command: str, crew: Crew, *words: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command says of the study, in this version or in another."""
    return subprocess.run(
        [sys.executable, "-m", "shoal", command, crew.name, "--store", crew.url, *words], cwd=crew.folder,
        capture_output=True, text=True, check=False, env={**os.environ, **(environment or {})},
    )  # fmt: skip
