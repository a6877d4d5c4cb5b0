"""Scripts and commands as objectives, run for real."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import shoal
from conftest import alive, pids_in, wait_until
from shoal.trial import Trial

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float, required=True)
parser.add_argument("--name", default="nobody")
parser.add_argument("--epochs", type=int, default=1)
args = parser.parse_args()
"""


def run(script: str, *arguments: str, **options: Any) -> list[Trial]:
    """The trials of a study of train.py, one at (-1e-05) first."""
    Path("train.py").write_text(script)
    space = options.pop("space", {"x": (-1.0, 1.0)})
    options = {"trials": 2, "name": "scripts", "max_failures": None, "progress": False, **options}
    return shoal.tune(["train.py", *arguments], space, **options).trials


def files(number: int) -> Path:
    return Path("shoal.files/scripts") / f"{number:06d}"


def test_a_script_gets_params_as_arguments_and_reports_each_epoch() -> None:
    script = ARGPARSE + (
        "from shoal import report\nfor epoch in range(args.epochs):\n"
        "    report(epoch=epoch + 1, loss=args.x**2, lr=0.1 / (epoch + 1))\n"
    )
    trials = run(script, "--epochs", "3", start=[{"x": -1e-05}])
    assert [trial.outcome for trial in trials] == ["done", "done"]
    assert trials[0].value == pytest.approx(1e-10)
    assert [report.step for report in trials[0].reports] == [1, 2, 3]
    assert trials[0].reports[2].metrics["lr"] == pytest.approx(0.1 / 3)


def test_marked_lines_of_standard_output_are_reports_also_several_on_one_line() -> None:
    script = (
        ARGPARSE + """print('noise [tune-metric]: {"loss": 3, "epoch": 1} [tune-metric]: {"loss": 0.5} and so on')\n"""
    )
    trials = run(script)
    assert [(report.step, report.metrics) for report in trials[0].reports] == [(1, {"loss": 3}), (2, {"loss": 0.5})]
    assert trials[0].value == 0.5


@pytest.mark.parametrize("preload", [True, False])
def test_output_is_kept_and_a_failing_script_shows_its_traceback(preload: bool) -> None:
    trials = run(ARGPARSE + "print('hello')\nraise RuntimeError('no data')\n", preload=preload)
    assert trials[0].outcome == "failed"
    assert trials[0].reason.endswith("exit status 1: RuntimeError: no data")
    assert "train.py" in trials[0].traceback
    assert "launcher" not in trials[0].traceback
    assert (files(0) / "stdout.txt").read_text() == "hello\n"
    assert "no data" in (files(0) / "stderr.txt").read_text()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("", "ended without a report"),
        ("from shoal import report; report(accuracy=1)", "metric 'loss' is missing"),
        ("from shoal import report; report(loss=float('nan'))", "loss is nan"),
        ("print('[tune-metric]: {not json')", "must be a JSON object"),
        ("print('[tune-metric]: [1]')", "must be a JSON object"),
        ("import shoal; shoal.report(loss=1, note='z' * 1_200_000)", "must be shorter than 1 MiB"),
        ("import sys; sys.exit(7)", "ended with exit status 7"),
        ("import os; os.kill(os.getpid(), 11)", "was killed by SIGSEGV"),
        ("import os; os._exit(9)", "ended with exit status 9"),
        ("import os, sys; sys.stdout.write('[tune-metric]: {\"lo'); sys.stdout.flush(); os._exit(9)", "exit status 9"),
        ("import sys; sys.stdout.write('[tune-metric]: {\"lo')", "must be a JSON object"),
        ("def broken(:", "SyntaxError"),
        ("import module_that_is_not_there", "No module named 'module_that_is_not_there'"),
    ],
)
def test_a_script_that_gives_no_result_is_a_failed_trial_that_says_so(script: str, reason: str) -> None:
    trials = run(script, trials=1)
    assert trials[0].outcome == "failed"
    assert reason in trials[0].reason


def test_lists_dicts_null_and_long_text_go_through_a_file() -> None:
    script = (
        "import sys, json\nfrom shoal import params, report\n"
        "got = json.load(open(sys.argv[sys.argv.index('--params') + 1]))\n"
        "assert got == params(), (got, params())\nreport(loss=len(json.dumps(got)), got=str(got['widths']))\n"
    )
    space = {"widths": [[64, 64], [128]], "extra": [None, {"a": 1}], "text": "long " * 50_000}
    trials = run(script, space=space)
    assert [trial.outcome for trial in trials] == ["done", "done"], trials[0].reason
    assert trials[0].metrics["got"] == str(trials[0].params["widths"])


def test_a_command_may_say_where_the_file_of_its_params_and_its_checkpoints_go() -> None:
    script = """
import json, sys
from shoal import checkpoint_dir, report
assert sys.argv[1:] == ["{params} as it is", "--config=" + sys.argv[2][9:], "--state", checkpoint_dir()], sys.argv
report(loss=json.load(open(sys.argv[2][9:]))["layers"][1])
"""
    words = ["{params} as it is", "--config={params}", "--state", "{checkpoint}"]
    trials = run(script, *words, trials=1, space={"x": (-1.0, 1.0), "layers": shoal.constant([8, 4])})
    assert (trials[0].value, trials[0].reason) == (4, "")


def test_what_the_budget_counts_is_the_step_so_that_a_trial_that_is_gone_on_with_keeps_its_reports() -> None:
    script = """
import os, time
from shoal import checkpoint_dir, params, report
path = os.path.join(checkpoint_dir(), "samples")
samples = int(open(path).read()) if os.path.exists(path) else 0
while samples < 900:
    samples += 100
    print(samples, file=open(path, "w"))
    report(samples=samples, loss=params()["x"] + 1 / samples)
    if samples in (100, 300):
        time.sleep(3)  # work that is cut short where the trial is paused
"""
    budget = shoal.Budget("samples", 100, 900)
    trials = run(script, trials=6, search="random", stopping="asha-promote", budget=budget, seed=0)
    done = [trial for trial in trials if trial.outcome == "done"]
    assert any(trial.resumed for trial in done)
    for trial in done:  # what was saved when the script was asked to end may never have been told
        steps = [report.step for report in trial.reports]
        assert steps[0] == 100
        assert steps[-1] == 900
        assert [report.time for report in trial.reports] == sorted(report.time for report in trial.reports)


def test_hostile_text_reaches_the_script_as_it_is() -> None:
    hostile = ["$(touch hacked)", "; touch hacked", "--help", "'\"`\\", "ünïcödé \n newline", ""]
    script = ARGPARSE + "from shoal import report\nreport(loss=1.0, got=args.name)\n"
    trials = run(script, space={"x": 0.5, "name": hostile}, search="grid", trials=len(hostile))
    assert [trial.metrics.get("got") for trial in trials] == hostile
    assert not Path("hacked").exists()


def test_any_command_may_be_tuned() -> None:
    Path("run.sh").write_text("""#!/bin/sh\necho "[tune-metric]: {\\"loss\\": $2}"\n""")
    os.chmod("run.sh", 0o755)
    study = shoal.tune(["./run.sh"], {"x": (0.0, 1.0)}, trials=3, progress=False)
    assert [trial.value for trial in study.trials] == [trial.params["x"] for trial in study.trials]


def test_a_module_is_run_as_python_runs_it() -> None:
    Path("pkg").mkdir()
    Path("pkg/__init__.py").touch()
    Path("pkg/train.py").write_text(
        "from shoal import report\nfrom pkg import __name__ as name\nreport(loss=0, package=name, main=__name__)\n"
    )
    study = shoal.tune(f"{sys.executable} -m pkg.train", {"x": (0.0, 1.0)}, trials=1, progress=False)
    assert study.best.metrics == {"loss": 0.0, "package": "pkg", "main": "__main__"}


def test_forked_scripts_do_not_share_their_random_numbers() -> None:
    script = (
        "import random\n"
        "import numpy as np\n"
        "from shoal import report\n"
        "report(loss=random.random(), other=float(np.random.rand()))\n"
    )
    trials = run(script, trials=4)
    assert len({trial.value for trial in trials}) == 4
    assert len({trial.metrics["other"] for trial in trials}) == 4


def test_a_script_that_starts_threads_when_imported_is_not_forked() -> None:
    Path("site").mkdir()
    Path("site/threaded_for_test.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    code = (
        "import sys; sys.path.insert(0, 'site')\nfrom shoal.objectives.preload import preload\n"
        "open('script.py', 'w').write('import threaded_for_test')\nprint(preload('path', 'script.py'))"
    )
    import subprocess

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_script_that_never_ends_is_killed_with_its_children() -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child.pid', 'w').write(str(child.pid)); open('own.pid', 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    )
    trials = run(script, trials=1, trial_timeout=8.0)
    assert "trial_timeout=8 s" in trials[0].reason
    pids = pids_in(Path())
    assert len(pids) == 2
    wait_until(lambda: not any(alive(pid) for pid in pids))


def test_megabytes_of_output_without_a_line_break_are_kept() -> None:
    script = (
        "import sys\n"
        "from shoal import report\n"
        "sys.stdout.write('x' * 20_000_000)\n"
        "sys.stderr.write('y' * 5_000_000)\n"
        "report(loss=1)\n"
    )
    trials = run(script, trials=1)
    assert trials[0].outcome == "done"
    assert (files(0) / "stdout.txt").stat().st_size == 20_000_000


def test_the_environment_tells_a_script_where_it_may_keep_files() -> None:
    script = (
        "import os\n"
        "from shoal import report\n"
        "open(os.environ['SHOAL_TRIAL_DIRECTORY'] + '/model.bin', 'w').write('m')\n"
        "report(loss=1)\n"
    )
    run(script, trials=1)
    assert (files(0) / "model.bin").read_text() == "m"
    assert set(json.loads((files(0) / "params.json").read_text())) == {"x"}


def test_outside_of_a_study_a_report_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    shoal.report(loss=0.25, epoch=1)
    assert capsys.readouterr().out == '[tune-metric]: {"loss": 0.25, "epoch": 1}\n'


def test_a_path_with_a_blank_is_one_word_and_an_open_quote_is_said(folder: Path) -> None:
    (folder / "my train.py").write_text("import shoal\nshoal.report(loss=1.0)\n")
    study = shoal.tune("my train.py", {"x": (0.0, 1.0)}, trials=1, progress=False)
    assert (study.best.value, study.name) == (1.0, "my train-1")
    with pytest.raises(shoal.ObjectiveError, match="is no command: No closing quotation"):
        shoal.tune("o'brien.py", {"x": (0.0, 1.0)}, trials=1, progress=False)


def test_a_module_of_the_user_s_that_is_called_as_one_of_python_s_hurts_no_script(folder: Path) -> None:
    for name in ("random", "signal", "socket"):
        (folder / f"{name}.py").write_text("x = 1\n")
    (folder / "train.sh").write_text("#!/bin/sh\necho '[tune-metric]: {\"loss\": 2.0}'\n")
    (folder / "train.sh").chmod(0o755)
    assert shoal.tune("./train.sh", {"x": (0.0, 1.0)}, trials=1, progress=False).best.value == 2.0


def test_a_program_meets_signals_as_in_a_shell(folder: Path) -> None:
    """An endless writer ends when its reader does, and a child by SIGINT."""
    (folder / "train.sh").write_text(
        "#!/bin/bash\nset -m\nyes | head -1\nsleep 100 & kill -INT $!\nwait $!\n"
        'echo "[tune-metric]: {\\"loss\\": $?}"\n'
    )
    (folder / "train.sh").chmod(0o755)
    study = shoal.tune("./train.sh", {"x": (0.0, 1.0)}, trials=1, trial_timeout=60, progress=False)
    assert study.best.value == 128 + signal.SIGINT


def test_a_script_may_save_its_state_when_the_study_is_interrupted(folder: Path) -> None:
    (folder / "saves.py").write_text(
        "import os, signal, sys, time\nimport shoal\nfrom pathlib import Path\n"
        "state = Path(shoal.checkpoint_dir()) / 'state'\n"
        "def save(*_):\n    state.touch()\n    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "if not state.exists():\n    time.sleep(600)\n"
        "shoal.report(loss=1.0)\n"
    )
    study = shoal.tune("saves.py", {"x": (0.0, 1.0)}, trials=1, name="s", timeout=3, grace=4, progress=False)
    assert [trial.outcome for trial in study.trials] == ["paused"]
    study = shoal.tune(None, name="s", progress=False)
    assert [(trial.outcome, trial.attempt) for trial in study.trials] == [("done", 1)]


def test_what_a_script_leaves_running_reports_for_no_other_trial(folder: Path) -> None:
    """A process in a session of its own outlives its trial, and reports while the next one runs."""
    (folder / "stray.py").write_text(
        "import os, sys, time\nimport shoal\nfrom pathlib import Path\n"
        "number = os.environ['SHOAL_TRIAL_NUMBER']\n"
        "if number == '0' and not os.fork():\n"
        "    os.setsid()\n"
        "    while not Path('next').exists():\n        time.sleep(0.01)\n"
        "    try:\n        shoal.report(step=9, loss=-999.0)\n    finally:\n        Path('said').touch()\n"
        "    os._exit(0)\n"
        "if number == '1':\n"
        "    Path('next').touch()\n"
        "    while not Path('said').exists():\n        time.sleep(0.01)\n"
        "shoal.report(loss=float(number))\n"
    )
    study = shoal.tune("stray.py", {"x": (0.0, 1.0)}, trials=2, trial_timeout=60, progress=False)
    assert [trial.value for trial in study.trials] == [0.0, 1.0]
    assert [len(trial.reports) for trial in study.trials] == [1, 1]
