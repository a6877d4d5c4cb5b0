"""`shoal simulate`: a table, a picture, JSON, and errors that help."""

from __future__ import annotations

import json
import os
import pty
import re
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from test_commands import shoal as run

import shoal
from shoal.reports.simulation import picture

X = {"x": (0.0, 1.0)}
BUDGET = shoal.Budget("epoch", 1, 9)
HEADINGS = [
    "peers",
    "search",
    "stopping",
    "best loss",
    "found after",
    "time",
    "cost",
    "busy",
    "trials",
    "done",
    "saved",
]
QUICK = ["--search", "random", "--no-plot"]


def train(params: dict[str, float], trial: Any) -> Iterator[dict[str, float]]:
    (trial.checkpoint / "state").write_text("mine")
    for epoch in range(1, 10):
        time.sleep(0.003)
        yield {"loss": params["x"] + 1 / epoch, "epoch": epoch}


@pytest.fixture
def study(folder: Path) -> str:
    """A study of twenty trials that all ran to their end, with the name that simulations give theirs."""
    shoal.tune(train, X, trials=20, workers=0, name="simulated", search="random", seed=0, budget=BUDGET,
               stopping="none", progress=False)  # fmt: skip
    return "simulated"


def rows(said: str) -> list[list[str]]:
    """The cells of a table, without its headings."""
    lines = said[said.index("peers  ") :].splitlines()
    return [line.split() for line in lines[1:] if line[:1].isdigit()]


def test_the_table_has_a_row_for_every_choice_and_names_it(study: str) -> None:
    said = run("simulate", study, "--peers", "1,8", "--search", "random, sobol", "--stopping", "asha,none", "--no-plot")
    heading = next(line for line in said.splitlines() if line.startswith("peers"))
    places = [heading.index(name) for name in HEADINGS]
    assert places == sorted(places)
    choices = [(peers, search, rule) for peers in "18" for search in ("random", "sobol") for rule in ("asha", "none")]
    assert [tuple(row[:3]) for row in rows(said)] == choices
    for _, _, rule, *cells in rows(said):
        done, saved = cells[-3:-1]
        assert int(done) > 0
        assert (saved == "0%") is (rule == "none")
    assert "saved: of the cost of running all trials to their end" in said
    assert not list(Path().glob("*.png"))


def test_search_that_takes_longer_than_trials_leaves_little_of_the_peers_time(study: str) -> None:
    """Trials take some 30 ms in which peers that are charged nothing are always busy."""
    words = ["--peers", "1", "--search", "gp", "--stopping", "none", "--trials", "60", "--no-plot", "--json"]
    free, charged = (json.loads(run("simulate", study, *words, *more))[0] for more in ([], ["--search-time"]))
    assert free["utilisation"] > 0.999 > charged["utilisation"]
    assert charged["trials"] <= free["trials"]


def test_json_is_json_alone_and_tells_all(study: str) -> None:
    words = ["--peers", "4", "--stopping", "asha,none", "--failures", "0.2", "--seed", "3", "--trials", "60", "--json"]
    one, two = (json.loads(run("simulate", study, *QUICK, *words)) for _ in range(2))
    assert str(one) == str(two)  # NaN is not itself
    assert [(told["peers"], told["search"], told["stopping"]) for told in one] == [
        (4, "random", "asha"), (4, "random", "none"),
    ]  # fmt: skip
    for told in one:
        assert told["outcomes"]["failed"] > 0
        assert 0 < told["utilisation"] <= 1
        assert told["points"][-1][2] == told["best"]
    assert one[0]["saved"] > 0.2
    assert one[1]["cost"] == pytest.approx(one[0]["cost"], rel=0.1)


def test_json_is_valid_where_no_trial_comes_to_its_end(study: str) -> None:
    """NaN is no JSON."""
    said = run("simulate", study, *QUICK, "--peers", "64", "--trials", "2", "--stopping", "none", "--json")

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    (told,) = json.loads(said, parse_constant=refuse)
    assert told["best"] is None
    assert told["lost"] is None


def test_a_run_without_a_best_is_shown_as_a_dash(study: str) -> None:
    said = run("simulate", study, *QUICK, "--peers", "64", "--trials", "2", "--stopping", "none")
    (row,) = rows(said)
    assert row[3:5] == ["–", "–"]
    assert row[-1] == "–"


def test_the_picture_is_a_picture(study: str) -> None:
    said = run("simulate", study, "--peers", "1,4", "--search", "random")
    assert "the picture is in simulation.png" in said
    data = Path("simulation.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(data) > 10_000
    width, height = struct.unpack("!II", data[16:24])
    assert (width, height) == (1440, 600)
    Path("simulation.png").unlink()
    run("simulate", study, *QUICK, "--peers", "4")
    assert not Path("simulation.png").exists()
    run("simulate", study, "--peers", "4", "--search", "random", "-o", "other.svg")
    assert "<svg" in Path("other.svg").read_text()
    run("simulate", study, "--peers", "4", "--search", "random", "-o", "OTHER.PNG")
    assert Path("OTHER.PNG").read_bytes()[:4] == data[:4]


def test_a_study_yaml_stands_for_its_study_wherever_it_is(folder: Path) -> None:
    Path("experiment").mkdir()
    script = "import shoal\nfor k in range(1, 4):\n    shoal.report(epoch=k, loss=shoal.params()['x'] / k)\n"
    Path("experiment/train.py").write_text(script)
    described = {"objective": "train.py", "space": {"x": "(0.0, 1.0)"}, "trials": 5, "seed": 1, "search": "random"}
    Path("experiment/study.yaml").write_text(yaml.safe_dump(described))
    run("tune", "experiment/study.yaml", "-q")
    said = run("simulate", "experiment/study.yaml", *QUICK, "--peers", "2", "--stopping", "asha,none")
    assert [row[:3] for row in rows(said)] == [["2", "random", "asha"], ["2", "random", "none"]]


def test_a_built_in_problem_needs_no_study(folder: Path) -> None:
    said = run("simulate", "himmelblau", *QUICK, "--peers", "8", "--stopping", "asha", "--budget", "step:1:9", "--json")
    (told,) = json.loads(said)
    assert told["outcomes"]["stopped"] > told["outcomes"]["done"] > 0
    assert list(folder.iterdir()) == []


def test_simulating_leaves_the_files_and_the_store_of_a_study_as_they_are(study: str, folder: Path) -> None:
    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".db-shm"}

    before = files()
    assert sum(path.name == "state" for path in before) == 20
    run("simulate", study, *QUICK, "--stopping", "asha,asha-promote", "--failures", "0.3")
    assert {path for path in files() if path.name == "state"} == {path for path in before if path.name == "state"}
    assert set(files()) - set(before) <= {folder / "shoal.db-wal"}
    assert len(shoal.Study.open(study).trials) == 20


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["simulated", "--peers", "1,x"], "--peers '1,x': write whole numbers from 1 on, as in 1,8,64"),
        (["simulated", "--peers", "0"], "--peers '0': write whole numbers from 1 on"),
        (["simulated", "--peers", "4,"], "write whole numbers from 1 on"),
        (["simulated", "--search", "randm"], "unknown search 'randm'; did you mean 'random'?"),
        (["simulated", "--stopping", "ahsa"], "unknown stopping rule 'ahsa'; did you mean 'asha'?"),
        (["simulated", "--stopping", "nome"], "did you mean 'none'?"),
        (["simulated", "--budget", "epoch:1"], "as in 'epoch:1:81'"),
        (["simulated", "-o", "x.gif"], "a picture is one of .png, .pdf, .svg"),
        (["simulated", "--budget", ":1:9"], "a budget needs the name of what is spent"),
        (["simulatd"], "holds no study 'simulatd'; it holds: 'simulated'"),
        (["branin"], "Built-in problems are birastrigin, "),
        (["simulated", "--store", "gone.db"], "no file"),
        (["gone.yaml"], "cannot read gone.yaml"),
        (["simulated", "-o", "gone/a.png", "--peers", "1", "--search", "random"], "cannot write gone/a.png"),
    ],
)
def test_mistakes_get_an_error_that_helps(study: str, words: list[str], complaint: str) -> None:
    said = " ".join(run("simulate", *words, status=1).split())
    assert complaint in said
    assert "Traceback" not in said
    assert not list(Path().glob("*.png"))


@pytest.mark.parametrize(
    ("output", "complaint"), [("gone/a.png", "there is no folder gone"), ("made.png", "it is a folder")]
)
def test_where_no_picture_can_be_written_nothing_is_simulated(study: str, output: str, complaint: str) -> None:
    Path("made.png").mkdir()
    said = run("simulate", study, "--peers", "1", "--search", "random", "-o", output, status=1)
    assert f"cannot write {output}: {complaint}" in " ".join(said.split())
    assert "1 peer, random" not in said
    assert "1 peer, random" in run("simulate", study, "--peers", "1", *QUICK, "-o", output)


def test_settings_are_those_that_are_given_or_else_the_studys_own(study: str) -> None:
    """A threshold that all beat at the first epoch stops none, and one that none beats stops all."""
    words = [study, "--peers", "2", *QUICK, "--stopping", "threshold,none", "--json"]
    outcomes = {}
    for upper in (3.0, 0.5):
        found = json.loads(run("simulate", *words, "--stopping-setting", f"upper={upper}"))
        outcomes[upper] = [row["outcomes"] for row in found]
    assert "stopped" not in outcomes[3.0][0]
    assert "done" not in outcomes[0.5][0]
    assert outcomes[3.0][1] == outcomes[0.5][1]
    shoal.tune(train, X, trials=20, workers=0, name="own", search="random", seed=0, budget=BUDGET, progress=False,
               stopping="threshold", stopping_settings={"upper": 3.0})  # fmt: skip
    found = json.loads(run("simulate", "own", "--peers", "2", *QUICK, "--stopping", "threshold", "--json"))
    assert "stopped" not in found[0]["outcomes"]


def test_settings_of_two_that_are_compared_are_refused(study: str) -> None:
    said = run("simulate", study, *QUICK, "--stopping", "asha,median", "--stopping-setting", "eta=4", status=1)
    assert "--stopping-setting is of one, and here are asha, median" in " ".join(said.split())


def test_a_study_with_one_trial_is_too_little_to_go_by(folder: Path) -> None:
    begun = shoal.Study(X, name="short", store="shoal.db", seed=0)
    trial = begun.ask()
    begun.tell(trial, 0.5)
    begun.ask()
    begun.close()
    said = run("simulate", "short", status=1)
    assert "study 'short' has 1 trials with a result; a simulation needs 2 or more" in said
    assert "Traceback" not in said


def test_no_two_lines_of_a_large_picture_look_alike() -> None:
    runs = [
        Simulated(peers, "random", f"rule {rule}", points=[(1.0, 1.0, 0.5 + peers + rule)])
        for peers in (1, 8, 64)
        for rule in range(6)
    ]
    picture(runs, "loss", Path("many.svg"))
    legend = Path("many.svg").read_text().partition('id="legend_1"')[2].partition('id="axes_2"')[0]
    looks = re.findall(r'style="(fill: none; stroke[^"]*)"', legend)
    assert len(looks) == len(set(looks)) == len(runs)


@dataclass
class Simulated:
    """What a picture shows of a simulated study."""

    peers: int
    search: str
    stopping: str
    points: list[tuple[float, float, float]]
    outcomes: dict[str, int] = field(default_factory=dict)
    trials: int = 1
    best: float | None = None
    lost: float | None = None
    seconds: float = 2.0
    cost: float = 2.0
    utilisation: float = 1.0
    saved: float = 0.0


def test_without_a_budget_nothing_is_stopped_by_default(folder: Path) -> None:
    shoal.tune(lambda params: params["x"], X, trials=9, workers=0, name="plain", search="random", progress=False)
    assert [row[2] for row in rows(run("simulate", "plain", "--peers", "1", *QUICK))] == ["none"]


def test_a_terminal_shows_how_far_a_row_has_come(study: str) -> None:
    """A pseudo-terminal stands in for the user's; what is shown there is gone when the row is done."""
    command = [sys.executable, "-m", "shoal", "simulate", study, "--peers", "2", *QUICK]
    ours, theirs = pty.openpty()
    term = {**os.environ, "TERM": "xterm"}
    with (
        open(ours, "rb", buffering=0) as terminal,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=term),
    ):
        os.close(theirs)
        shown = b"".join(iter(lambda: _read(terminal), b""))
    assert re.search(rb"\d%.*\d+ trials", shown)


def _read(terminal: FileIO) -> bytes:
    try:
        return terminal.read(65536) or b""
    except OSError:  # what Linux says once all have closed the other end
        return b""
