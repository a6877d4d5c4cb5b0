"""Peers as jobs: of a real Slurm, which `scripts/services` starts, and of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import psutil
import pytest

from conftest import alive, wait_until
from shoal.engines.jobs import cancel, elsewhere, remember, states
from shoal.engines.submission import Order, Submission, argument, order_file, write_order
from shoal.errors import StudyError
from shoal.files import study_directory
from shoal.study import Study

TRAIN = """
import os, time
from pathlib import Path
def train(params):
    with open("greetings", "a") as file:
        file.write(os.environ.get("GREETING", "none") + "\\n")
    time.sleep(0.05)
    return params["x"]
"""
STUDY = """
objective: train.py:train
space: {x: "uniform(0.0, 1.0)"}
search: random
trials: %d
name: %s
submit: {jobs: 2, peers_per_job: 2, time: "0:02:00", scheduler: %s, environment: {GREETING: "it's $HOME"}}
"""
pytestmark = pytest.mark.timeout(900)
LONG = 240  # seconds for which jobs may wait for those of other tests
HOSTILE = "odd $(touch hacked) 'name'"


def shoal(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shoal", *words], cwd=folder, capture_output=True, text=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


def given(folder: Path, trials: int = 20, name: str = '"s"', scheduler: str = "slurm") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.py").write_text(TRAIN)
    (folder / "study.yaml").write_text(STUDY % (trials, name, scheduler))
    return folder


def study_in(folder: Path, name: str = "s") -> Study:
    return Study.open(name, f"dir:{folder}/shoal.store")


@pytest.mark.usefixtures("slurm")
def test_jobs_of_a_real_slurm_run_a_study_to_its_end_whatever_it_is_called(folder: Path) -> None:
    place = given(folder / "a $(touch hacked) folder", name=f'"{HOSTILE}"')
    said = shoal("submit", "study.yaml", folder=place)
    assert said.returncode == 0, said.stderr
    assert len(said.stdout.split("submitted: ")[1].split("\n")[0].split()) == 2
    wait_until(lambda: study_in(place, HOSTILE).reason, LONG)
    trials = study_in(place, HOSTILE).trials
    assert [trial.number for trial in trials] == list(range(20))
    assert {trial.outcome for trial in trials} == {"done"}
    assert set((place / "greetings").read_text().splitlines()) == {"it's $HOME"}
    assert not list(folder.rglob("hacked"))


@pytest.mark.usefixtures("slurm")
def test_two_submissions_add_up_status_shows_their_jobs_and_stop_cancels_them(folder: Path) -> None:
    place = given(folder, trials=100_000)
    for _ in range(2):
        assert shoal("submit", "study.yaml", "--jobs", "1", folder=place).returncode == 0
    jobs = place / "shoal.files" / "s" / "submit"
    wait_until(lambda: {state for _, state in states(jobs, f"dir:{place}/shoal.store").values()} == {"active"}, LONG)
    wait_until(lambda: len({trial.peer for trial in study_in(place).trials}) == 4, LONG)
    shown = shoal("status", "s", "--store", "dir:shoal.store", folder=place).stdout
    assert shown.count("active") == 2
    said = shoal("stop", "s", "--store", "dir:shoal.store", folder=place)
    assert "cancelled jobs: " in said.stdout
    wait_until(lambda: "active" not in {state for _, state in states(jobs, f"dir:{place}/shoal.store").values()}, 60)


@pytest.mark.usefixtures("slurm")
def test_jobs_that_wait_keep_their_settings_when_others_are_submitted_with_other_ones(folder: Path) -> None:
    place = given(folder, trials=100_000)
    later = ("submit", "study.yaml", "--jobs", "1", "--native", "slurm.begin=now+1hour")
    try:
        for peers in "3", "1":
            assert shoal(*later, "--peers-per-job", peers, folder=place).returncode == 0
        orders = (place / "shoal.files" / "s" / "submit").glob("order-*.json")
        assert {json.loads(order.read_text())["submission"]["peers_per_job"] for order in orders} == {1, 3}
    finally:
        said = shoal("stop", "s", "--store", "dir:shoal.store", folder=place)
    assert len(said.stdout.split("cancelled jobs: ")[1].split()) == 2


@pytest.mark.usefixtures("slurm")
def test_a_job_that_its_scheduler_warns_ends_its_trials_and_submits_its_successor(folder: Path) -> None:
    """The warning goes to the job's shell alone, as ``--signal=B:USR1@60`` has it."""
    place = given(folder / "place", trials=20)
    (place / "train.py").write_text(TRAIN.replace("time.sleep(0.05)", HELD))
    said = shoal("submit", "study.yaml", "--jobs", "1", "--requeue", folder=place)
    assert said.returncode == 0, said.stderr
    job = said.stdout.split("submitted: ")[1].split("\n")[0]
    log = place / "shoal.files" / "s" / "submit" / f"job-{job}.out"
    wait_until(lambda: [trial.outcome for trial in study_in(place).trials] == ["running"] * 2, LONG)
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
    wait_until(lambda: "interrupted by SIGUSR1" in log.read_text(), 60)
    (place / "hurry").touch()
    wait_until(lambda: study_in(place).reason, LONG)
    assert "a successor was submitted: " in log.read_text()
    trials = study_in(place).trials
    assert [(trial.number, trial.outcome) for trial in trials] == [(number, "done") for number in range(20)]


@pytest.mark.usefixtures("slurm")
def test_trials_of_a_node_that_dies_are_run_again_on_the_others(folder: Path) -> None:
    """A node to each job: four CPUs for four peers. One loses its daemon, and all that ran on it, in the middle."""
    place = given(folder / "place", trials=60)
    (place / "train.py").write_text(TRAIN.replace("time.sleep(0.05)", HELD))
    said = shoal("submit", "study.yaml", "--peers-per-job", "4", "--time", "0:10:00", folder=place)
    assert said.returncode == 0, said.stderr
    jobs = said.stdout.split("submitted: ")[1].split("\n")[0].split()
    wait_until(lambda: sum(trial.outcome == "running" for trial in study_in(place).trials) == 8, LONG)
    node = squeue(jobs[0], "%N")
    victims = processes_of(node, jobs[0])
    for victim in victims:
        victim.suspend()  # what it runs is the same before and after it dies
    pids = {victim.pid for victim in victims}
    names = {status.peer for status in study_in(place)._journal.store.peers("s") if status.pid in pids}
    struck = [trial.number for trial in study_in(place).trials if trial.peer in names and trial.outcome == "running"]
    for victim in victims:
        victim.kill()
    wait_until(lambda: not any(alive(pid) for pid in pids))
    try:
        assert struck
        (place / "hurry").touch()
        wait_until(lambda: study_in(place).reason, LONG)
        trials = study_in(place).trials
        assert [(trial.number, trial.outcome) for trial in trials] == [(number, "done") for number in range(60)]
        assert all(trials[number].attempt > 0 for number in struck)
        assert "60 trials, 60 ended, sound" in shoal("doctor", "s", "--store", "dir:shoal.store", folder=place).stdout
    finally:
        subprocess.run(["scancel", *jobs], check=True)
        subprocess.run(["slurmd", "-N", node], check=True)
        wait_until(lambda: node_state(node) == "idle", 60)


HELD = "while not os.path.exists('hurry'): time.sleep(0.05)"


def squeue(job: str, what: str) -> str:
    return subprocess.run(
        ["squeue", "-h", "-j", job, "-o", what], capture_output=True, text=True, check=True
    ).stdout.strip()


def node_state(node: str) -> str:
    return subprocess.run(
        ["sinfo", "-h", "-n", node, "-o", "%t"], capture_output=True, text=True, check=True
    ).stdout.strip()


def processes_of(node: str, job: str) -> list[psutil.Process]:
    """A node's daemon and all that it has started for a job: what a power cut takes."""
    conf = Path(os.environ["SLURM_CONF"]).read_text()
    file = next(line.split("=")[1] for line in conf.splitlines() if line.startswith("SlurmdPidFile="))
    found = [psutil.Process(int(Path(file.replace("%n", node)).read_text()))]
    for process in psutil.process_iter(["cmdline"]):
        if f"slurmstepd: [{job}." in " ".join(process.info["cmdline"] or ()):
            found += [process, *process.children(recursive=True)]
    return found


def test_a_dry_run_prints_the_script_and_submits_nothing(folder: Path) -> None:
    place = given(folder)
    said = shoal(
        "submit", "study.yaml", "--dry-run", "--queue", "gpu", "--native", "slurm.gres=gpu:v100:1", folder=place
    )
    assert said.returncode == 0, said.stderr
    for line in ('--partition="gpu"', '--gres="gpu:v100:1"', "--time=0:2:0", "--cpus-per-task=2"):
        assert f"#SBATCH {line}" in said.stdout
    assert "study 's' in dir:" in said.stdout
    assert not (place / "shoal.files").exists()
    assert not (place / "shoal.store").exists()


def test_a_dry_run_of_a_study_that_is_there_shows_and_refuses_what_submitting_would(folder: Path) -> None:
    place = given(folder, trials=1, scheduler="local")
    assert shoal("submit", "study.yaml", folder=place).returncode == 0
    wait_until(lambda: study_in(place).reason, LONG)
    shown = shoal("submit", "study.yaml", "--dry-run", folder=place).stdout
    (file,) = (place / "shoal.files" / "s" / "submit").glob("order-*.json")
    assert argument(file) in shown
    (place / "study.yaml").write_text((place / "study.yaml").read_text() + "metric: accuracy\n")
    refused = shoal("submit", "study.yaml", "--dry-run", folder=place)
    assert (refused.returncode, "cannot go on with metric='accuracy'" in refused.stderr) == (1, True)


def test_a_study_that_is_submitted_from_elsewhere_keeps_its_files_where_they_are(folder: Path) -> None:
    for name in "here", "there":
        place = given(folder / name, trials=1, scheduler="local")
        said = shoal("submit", f"{name}/study.yaml", "--jobs", "1", "--store", "dir:shoal.store", folder=folder)
        assert said.returncode == 0, said.stderr
        assert str(folder / "here" / "shoal.files" / "s") in said.stdout
    shown = shoal("status", "s", "--store", "dir:shoal.store", folder=folder).stdout
    assert shown.count(" local ") == 2
    assert not (place / "shoal.files").exists()


def test_a_job_that_runs_out_of_time_submits_its_successor_until_the_study_has_ended(folder: Path) -> None:
    """Two peers would need 25 s for all trials before there is a successor, and no time thereafter."""
    place = given(folder, trials=1000, scheduler="local")
    (place / "train.py").write_text(TRAIN.replace("0.05", "0 if len([*Path().rglob('job-*.out')]) > 1 else 0.05"))
    said = shoal("submit", "study.yaml", "--jobs", "1", "--time", "0:00:15", "--requeue", folder=place)
    assert said.returncode == 0, said.stderr
    wait_until(lambda: study_in(place).reason, LONG)
    trials = study_in(place).trials
    assert [trial.outcome for trial in trials] == ["done"] * 1000
    logs = list((place / "shoal.files" / "s" / "submit").glob("job-*.out"))
    assert len(logs) > 1
    assert any("the wall time left" in log.read_text() for log in logs)
    (file,) = (place / "shoal.files" / "s" / "submit").glob("order-*.json")
    mine = urlsafe_b64encode(str(file).encode()).decode().rstrip("=")
    wait_until(lambda: not any(mine in (p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])), 60)


def test_a_torn_list_of_jobs_is_named(folder: Path) -> None:
    remember(folder, "slurm", "1", "dir:x")
    (folder / "jobs").write_text((folder / "jobs").read_text() + '{"scheduler": "sl')
    with pytest.raises(StudyError, match=r"jobs: what jobs were submitted cannot be read .*remove that line"):
        states(folder, "dir:x")


def test_a_job_in_which_no_trial_comes_further_has_no_successor(folder: Path) -> None:
    place = given(folder, scheduler="local")
    (place / "train.py").write_text(TRAIN.replace("time.sleep(0.05)", HELD))
    said = shoal("submit", "study.yaml", "--jobs", "1", "--time", "0:00:08", "--requeue", folder=place)
    assert said.returncode == 0, said.stderr
    submitted = place / "shoal.files" / "s" / "submit"
    wait_until(lambda: any("peers ended" in log.read_text() for log in submitted.glob("job-*.out")), LONG)
    (job,) = states(submitted, f"dir:{place}/shoal.store")
    wait_until(lambda: states(submitted, f"dir:{place}/shoal.store") == {job: ("local", "gone")}, 60)
    (log,) = submitted.glob("job-*.out")
    assert "no successor is submitted: no trial came any further in 0:00:08" in log.read_text()


def test_a_successor_that_the_scheduler_refuses_is_submitted_a_little_later(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = given(folder / "place", trials=100_000)
    tool(place, "sbatch", f"[ -e {place}/back ] || {{ touch {place}/back; echo 'no controller'; exit 1; }}\n"
                          "echo Submitted batch job 77")  # fmt: skip
    monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")
    done, _ = job_of(place, time="0:00:05", requeue=True)
    assert "no successor could be submitted: slurm refused the job: no controller; trying again in 1 s" in done.stdout
    assert done.stdout.endswith("a successor was submitted: 77\n")
    assert done.returncode == 0


def test_a_job_that_begins_while_its_store_is_away_waits_for_it(folder: Path) -> None:
    place = given(folder, scheduler="local")
    assert shoal("tune", "study.yaml", "--store", "dir:shoal.store", "--timeout", "0", folder=place).returncode == 0
    file = place / "order.json"
    write_order(file, Order(store=f"dir:{place}/shoal.store", study="s", folder=str(place), log=str(place / "job"),
                            submission=Submission(scheduler="local")))  # fmt: skip
    (place / "shoal.store").rename(place / "away")
    with subprocess.Popen([sys.executable, "-m", "shoal.submitted", argument(file)]) as job:
        wait_until(lambda: any("the store cannot be opened" in log.read_text() for log in place.glob("job-*.out")), 60)
        (place / "away").rename(place / "shoal.store")
    assert job.returncode == 0
    (log,) = place.glob("job-*.out")
    assert "these peers ended" in log.read_text()


def test_a_job_that_begins_when_its_study_was_stopped_leaves_it_so(folder: Path) -> None:
    place = given(folder)
    file = place / "order.json"
    assert shoal("tune", "study.yaml", "--store", "dir:shoal.store", "--trials", "1", folder=place).returncode == 0
    assert shoal("tune", "study.yaml", "--store", "dir:shoal.store", "--timeout", "0", folder=place).returncode == 0
    assert shoal("stop", "s", "--store", "dir:shoal.store", folder=place).returncode == 0
    before = study_in(place)
    assert before.reason
    write_order(file, Order(store=f"dir:{place}/shoal.store", study="s", folder=str(place), log="",
                            submission=Submission(requeue=True)))  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "shoal.submitted", argument(file)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, f"no peer is started: {before.reason}\n")
    assert len(study_in(place).trials) == len(before.trials)
    assert study_in(place).reason == before.reason


def job_of(place: Path, **asked: Any) -> tuple[subprocess.CompletedProcess[str], int]:
    """Run a job here, as a scheduler would; ``module`` is a command that knows one module. And how many trials there
    were before it."""
    home = place / "home"
    home.mkdir()
    (home / ".bash_profile").write_text('module() { [ "$2" = known ] || { echo "no module $2" >&2; return 1; }; }\n')
    begun = shoal("tune", "study.yaml", "--store", "dir:shoal.store", "--trials", "1", folder=place)
    assert begun.returncode == 0, begun.stderr
    assert shoal("tune", "study.yaml", "--store", "dir:shoal.store", "--timeout", "0", folder=place).returncode == 0
    file = place / "order.json"
    write_order(file, Order(store=f"dir:{place}/shoal.store", study="s", folder=str(place), log="",
                            submission=Submission(**asked)))  # fmt: skip
    before = len(study_in(place).trials)
    command = [sys.executable, "-m", "shoal.submitted", argument(file)]
    environment = {**os.environ, "HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment), before


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        ({"modules": ["known", "gone/1.0"]}, "module load gone/1.0"),
        ({"activate": "it's/gone"}, "source 'it'\"'\"'s/gone'"),
    ],
)
def test_a_job_whose_set_up_fails_ends_and_says_so(folder: Path, asked: dict[str, Any], line: str) -> None:
    place = given(folder / "place")
    done, before = job_of(place, **asked)
    assert done.returncode == 1
    assert f"shoal: the job ends, as its set-up failed: {line}" in done.stderr
    assert len(study_in(place).trials) == before


def test_a_job_runs_in_the_environment_that_is_activated_and_lines_of_its_own_may_fail(folder: Path) -> None:
    place = given(folder / "place")
    (place / "activate").write_text("export GREETING=active\n")
    done, _ = job_of(place, modules=["known"], activate=str(place / "activate"), bash=["false", "cat gone"])
    assert done.returncode == 0, done.stderr
    assert len(study_in(place).trials) == 20
    told = (place / "greetings").read_text().splitlines()
    assert 1 < told.index("active") + told.count("active") == len(told)  # from the job on, all of them


def test_another_process_with_the_number_of_an_old_job_is_none_of_ours(folder: Path) -> None:
    remember(folder, "local", str(os.getpid()), "dir:a")
    assert states(folder, "dir:a") == {str(os.getpid()): ("local", "gone")}
    assert cancel(folder, "dir:a") == []


def test_stop_cancels_no_job_of_the_study_of_that_name_in_another_store(folder: Path) -> None:
    place = given(folder, scheduler="local")
    (place / "train.py").write_text(TRAIN.replace("time.sleep(0.05)", HELD))
    jobs = []
    for store in "ab":
        said = shoal("submit", "study.yaml", "--jobs", "1", "--store", f"dir:{store}", folder=place)
        assert said.returncode == 0, said.stderr
        jobs.append(said.stdout.split("submitted: ")[1].split("\n")[0])
    for store, mine, other in ("a", *jobs), ("b", *reversed(jobs)):
        shown = shoal("status", "s", "--store", f"dir:{store}", folder=place).stdout
        assert mine in shown
        assert other not in shown
        said = shoal("stop", "s", "--store", f"dir:{store}", folder=place)
        assert f"cancelled jobs: {mine}\n" in said.stdout
    (place / "hurry").touch()


def test_a_list_of_jobs_that_two_stores_share_tells_them_apart_and_holds_no_password(folder: Path) -> None:
    urls = "postgresql+psycopg://me:a/b?c@host/studies", "dir:b"
    for url in urls:
        remember(folder, "local", f"of {url[:3]}", url)
    assert "a/b" not in (folder / "jobs").read_text()
    assert set(states(folder, "postgresql+psycopg://me:***@host/studies")) == {"of pos"}
    assert set(states(folder, f"dir:{folder}/b")) == {"of dir"}
    assert cancel(folder, "dir:c") is None
    assert elsewhere(folder, "dir:b") == {"postgresql://host/studies": ["of pos"]}


def test_orders_of_two_stores_lie_apart_and_their_names_tell_no_password(folder: Path) -> None:
    first, same, other = (
        order_file(
            folder, Order(store=f"postgresql://me:{end}", study="s", folder="/", log="", submission=Submission())
        )
        for end in ("a@host/one", "b@host/one", "a@host/two")
    )
    assert first == same != other


@pytest.mark.parametrize("command", ["status", "stop"])
def test_a_scheduler_that_cannot_be_asked_is_named_and_its_jobs_are_not_said_to_be_gone(
    folder: Path, command: str
) -> None:
    place = given(folder, trials=1)
    assert shoal("tune", "study.yaml", "--store", "dir:shoal.store", folder=place).returncode == 0
    jobs = study_directory(study_in(place)._journal.history.definition) / "submit"
    jobs.mkdir()
    remember(jobs, "slurm", "1", f"dir:{place}/shoal.store")
    tool(place, "squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    for path, why in (place, "Unable to contact slurm controller"), ("/nowhere", "squeue: No such file or directory"):
        said = shoal(command, "s", "--store", "dir:shoal.store", folder=place, PATH=str(path))
        assert f"slurm cannot be asked for jobs{' from here' * (path != place)}: {why}" in said.stdout + said.stderr
        assert said.returncode == (command == "stop")
        assert "gone" not in said.stdout
        assert "Traceback" not in said.stderr


def test_a_job_that_pbs_has_forgotten_hides_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(
        folder,
        "qstat",
        """case "$*" in *1.server*) echo 'qstat: Unknown Job Id 1.server' >&2; exit 153; esac
echo '{"Jobs": {"2.server": {"job_state": "R"}}}'""",
    )
    monkeypatch.setenv("PATH", str(folder))
    for native in "1.server", "2.server":
        remember(folder, "pbs", native, "dir:a")
    assert states(folder, "dir:a") == {"1.server": ("pbs", "gone"), "2.server": ("pbs", "active")}


def tool(folder: Path, name: str, lines: str) -> None:
    """A command of a scheduler's, as it would answer."""
    (folder / name).write_text(f"#!/bin/sh\n{lines}\n")
    (folder / name).chmod(0o755)


def test_a_store_for_one_machine_is_refused(folder: Path) -> None:
    said = shoal("submit", "study.yaml", "--store", "shoal.db", folder=given(folder))
    assert said.returncode == 1
    assert "is for one machine; jobs need a store that all of them see" in said.stderr


def test_a_misspelt_key_of_submit_is_told_with_the_likely_one(folder: Path) -> None:
    place = given(folder)
    (place / "study.yaml").write_text((place / "study.yaml").read_text().replace("peers_per_job", "peers_per_jobs"))
    said = shoal("submit", "study.yaml", folder=place)
    assert said.returncode == 1
    assert "study.yaml: submit: unknown key 'peers_per_jobs'; did you mean 'peers_per_job'? Valid are: " in said.stderr


@pytest.mark.parametrize("text", ["slurm.exclusive", "slurm.exclusive=", "slurm.exclusive= "])
def test_an_option_of_the_scheduler_s_own_without_a_value_is_refused_with_what_to_write(
    folder: Path, text: str
) -> None:
    said = shoal("submit", "study.yaml", "--dry-run", "--native", text, folder=given(folder))
    assert said.returncode == 1
    assert "native: slurm.exclusive needs a value that the scheduler takes" in said.stderr
    assert "write it as in slurm.exclusive=exclusive" in said.stderr


@pytest.mark.parametrize(
    "bad",
    [{"scheduler": "slrum"}, {"jobs": 0}, {"time": "an hour"}, {"time": "1:2:3:4"}, {"time": "0:00"}, {"queue": 'a"b'},
     {"native": {"slurm.gres": "$(touch x)"}}, {"native": {"slrum.gres": "gpu:1"}}, {"environment": {"A B": "1"}},
     {"native": {"slurm.exclusive": True}}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(StudyError):
        Submission(**bad)
