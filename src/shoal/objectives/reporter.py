"""What training scripts import: ``from shoal import report``. Only the standard library, so that it costs nothing."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

REPORTS = "SHOAL_REPORTS"  # the environment variable that names the pipe for reports
PARAMS = "SHOAL_PARAMS"  # … and the one that names the JSON file of the params
CHECKPOINT = "SHOAL_CHECKPOINT"  # … the directory for checkpoints
UNTIL = "SHOAL_UNTIL"  # … and how much of the budget to use
PREFIX = "[tune-metric]:"


def report(**metrics: Any) -> None:
    """Report metrics of the running trial, as in ``report(epoch=3, loss=0.2)``.

    ``step`` or ``epoch`` is taken as the step; without one, reports count 1, 2, 3 … Outside of a study the report is
    printed, so that a script can be tried by hand.
    """
    line = json.dumps(metrics, default=_plain)
    path = os.environ.get(REPORTS)
    if path is None:
        print(f"{PREFIX} {line}", flush=True)
        return
    pipe = os.open(path, os.O_WRONLY)
    try:
        os.write(pipe, f"{line}\n".encode())
    finally:
        os.close(pipe)


def params() -> dict[str, Any]:
    """The params of the running trial, of any JSON type; from the command line (``--name value``) outside of a
    study."""
    path = os.environ.get(PARAMS)
    if path is not None:
        with open(path, encoding="utf-8") as file:
            return dict(json.load(file))
    words = [part for word in sys.argv[1:] for part in (word.split("=", 1) if word.startswith("--") else [word])]
    return {name[2:]: _value(value) for name, value in zip(words[::2], words[1::2], strict=False)}


def checkpoint_dir() -> str:
    """Where the running trial saves its state, and looks for one to go on from; ``checkpoint`` outside of a study."""
    path = os.environ.get(CHECKPOINT, "checkpoint")
    os.makedirs(path, exist_ok=True)
    return path


def until() -> float:
    """How much of the budget the running trial is to use before it may end, such as its last epoch; infinite where
    nothing was said."""
    return float(os.environ.get(UNTIL, "inf"))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    """Numbers of other libraries as JSON."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"report: {value!r} ({type(value).__name__}) is no number, text, true or false")
