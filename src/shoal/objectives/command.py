"""Reading a command: what is run, whether it is a Python script of this environment, and how params are handed over."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shoal.errors import ObjectiveError
from shoal.objectives.reporter import PARAMS
from shoal.space import Params

LONGEST = 100_000  # bytes of arguments; systems allow 128 KiB an argument
PARAMS_PLACE = "{params}"  # in a command: where the path of the JSON file of the params goes
CHECKPOINT_PLACE = "{checkpoint}"  # … and that of the trial's directory for checkpoints


@dataclass(frozen=True)
class Command:
    """A command to be run without a shell. ``kind`` is "path" (a Python file), "module" (python -m) or "exec"."""

    words: tuple[str, ...]
    kind: str
    target: str  # the file or module, or the program

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the target."""
        return self.words[len(self.head) :]

    @property
    def head(self) -> tuple[str, ...]:
        """What comes before the arguments: the program, and the script or the module."""
        return self.words[: self.words.index(self.target) + 1]


def read_command(given: str | Sequence[str]) -> Command:
    """A command from one text or a list of words: ``train.py``, ``python -m pkg.train``, ``["torchrun", "train.py"]``.

    Raises ObjectiveError where the program or the file does not exist.
    """
    words = words_of(given)
    if not words:
        raise ObjectiveError("the command is empty; give a script, such as train.py")
    if words[0].endswith(".py"):
        words.insert(0, sys.executable)
    program = shutil.which(words[0])
    if program is None:
        raise ObjectiveError(f"there is no program {words[0]!r} to run; is it installed, and its name spelt right?")
    ours = os.path.abspath(program) in _own_names() and len(words) > 1
    if ours and words[1].endswith(".py"):
        if not Path(words[1]).is_file():
            raise ObjectiveError(f"there is no script {words[1]!r} in {os.getcwd()}")
        return Command((program, *words[1:]), "path", words[1])
    if ours and words[1] == "-m" and len(words) > 2:
        return Command((program, *words[1:]), "module", words[2])
    return Command((program, *words[1:]), "exec", words[0] if words[0] == program else program)


def words_of(given: str | Sequence[str]) -> list[str]:
    """A command's words; a text is split as a shell would, unless it is the path of a file. Raises ObjectiveError for
    one that cannot be."""
    if not isinstance(given, str):
        return [str(word) for word in given]
    if os.path.isfile(given):
        return [given]
    try:
        return shlex.split(given)
    except ValueError as error:
        raise ObjectiveError(f"{given!r} is no command: {error}; a list of words needs no quotes") from None


def filled(words: Sequence[str], params: Path, checkpoint: Path) -> list[str]:
    """The words of a command with the paths of a trial where it names them: ``{params}``, ``--state={checkpoint}``."""
    places = {PARAMS_PLACE: str(params), CHECKPOINT_PLACE: str(checkpoint)}
    found = []
    for word in words:
        head, sign, tail = word.rpartition("=")
        found.append(f"{head}{sign}{places[tail]}" if tail in places else word)
    return found


def _own_names() -> set[str]:
    """The paths under which this very interpreter is started: another environment's Python has other packages."""
    folder, own = os.path.split(os.path.abspath(sys.executable))
    return {os.path.join(folder, name) for name in (own, "python", "python3")}


def param_words(params: Params, file: Path, environment: dict[str, str]) -> list[str]:
    """Params as ``--name value``; as ``--params FILE`` where a value is a list, a dict, null, or too long.

    The JSON file is written either way, and named in the environment.
    """
    file.write_text(json.dumps(params, indent=1), encoding="utf-8")
    environment[PARAMS] = str(file)
    words: list[str] = []
    for name, value in params.items():
        if isinstance(value, (list, dict)) or value is None:
            return ["--params", str(file)]
        text = str(value)
        # argparse takes -1e-05 for an option, unless it is glued to its name
        words += [f"--{name}={text}"] if text.startswith("-") or not text else [f"--{name}", text]
    if sum(len(os.fsencode(word)) for word in words) > LONGEST or any("\0" in word for word in words):
        return ["--params", str(file)]
    return words
