"""Many processes on one store: sixteen that pause and resume each other's trials, and sixty-four."""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shoal
from databases import database
from shoal.cli.doctor import examine
from shoal.records import Ended, Reported, Started
from trainings import meet

EPOCHS = 9


def train(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    """A few ms an epoch; goes on from its checkpoint, and writes a line for each epoch that it ran."""
    meet(16)
    state, log = trial.checkpoint / "epoch", trial.directory.parent / "steps.txt"
    epoch = int(state.read_text()) if state.exists() else 0
    while epoch < min(trial.until, EPOCHS):
        epoch += 1
        time.sleep(0.003)
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(file, f"{trial.number} {epoch} {os.getpid()}\n".encode())
        os.close(file)
        state.write_text(str(epoch))
        yield {"epoch": epoch, "loss": params["x"] / epoch}


def test_no_attempt_is_begun_by_two_of_sixteen_peers_and_promoted_trials_run_each_step_once(folder: Path) -> None:
    study = shoal.tune(
        train, {"x": (0.0, 1.0)}, trials=160, workers=16, search="random", seed=0, name="crowd", progress=False,
        stopping="asha-promote", budget=shoal.Budget("epoch", 1, EPOCHS), store=f"sqlite:///{folder}/crowd.db",
        directory=folder / "files",
    )  # fmt: skip
    assert study.ended == "all 160 trials have ended"
    records, _ = study._journal.store.read("crowd", 0)
    begun: dict[tuple[int, int], set[str]] = defaultdict(set)
    for record in records:
        if isinstance(record, Started):
            begun[record.number, record.attempt].add(record.peer)
    assert len({peer for peers in begun.values() for peer in peers}) == 16
    assert {key: peers for key, peers in begun.items() if len(peers) > 1} == {}
    started = Counter((record.number, record.attempt) for record in records if isinstance(record, Started))
    assert set(started.values()) == {1}
    assert not [record for record in records if isinstance(record, Ended) and record.outcome in ("lost", "failed")]

    run = [tuple(map(int, line.split())) for line in (folder / "files/crowd/steps.txt").read_text().splitlines()]
    steps: dict[int, list[int]] = defaultdict(list)
    pids: dict[int, set[int]] = defaultdict(set)
    for number, epoch, pid in run:
        steps[number].append(epoch)
        pids[number].add(pid)
    promoted = {trial.number for trial in study.trials if trial.resumed}
    assert len(promoted) >= 160 // 3
    assert {number: steps[number] for number in promoted if steps[number] not in ([1, 2, 3], [*range(1, 10)])} == {}
    assert {number: steps[number] for number in range(160) if number not in promoted and steps[number] != [1]} == {}
    assert sum(len(pids[number]) > 1 for number in promoted) > 10, "trials are gone on with by other peers"
    told = Counter((record.number, record.step) for record in records if isinstance(record, Reported))
    assert set(told.values()) == {1}
    assert sorted(told) == sorted((number, epoch) for number, epoch, _ in run)


def together(params: dict[str, float]) -> float:
    meet(64)
    return params["x"]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_sixty_four_peers_share_a_server(kind: str, folder: Path) -> None:
    study = shoal.tune(
        together, {"x": (0.0, 1.0)}, trials=320, workers=64, search="genetic", seed=0, name="crowd", progress=False,
        store=database(kind, folder.name),
    )  # fmt: skip
    assert study.ended == "all 320 trials have ended"
    assert {trial.outcome for trial in study.trials} == {"done"}
    assert len({trial.peer for trial in study.trials}) == 64
    assert examine(study) == ([], 0)
