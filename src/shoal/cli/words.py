"""What the words of a command line stand for: targets, spaces, settings, points."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shoal.errors import StudyError


def is_pair(words: list[str]) -> bool:
    """Whether these are the two files of an ECHO study: hyperparameters.yml and model_config.yml."""
    return len(words) == 2 and all(word.endswith((".yaml", ".yml")) for word in words)


def seconds_of(text: str) -> float:
    from shoal.engines.submission import Submission

    return Submission(time=text).seconds


def target_of(words: list[str], store: str | None) -> dict[str, Any]:
    """What TARGET says. Paths in a study.yaml are relative to it, so its folder becomes the working directory."""
    from shoal import catalog
    from shoal.study_file import read_study

    fields: dict[str, Any] = {} if store is None else {"store": catalog.full_url(store)}
    if words[0].endswith((".yaml", ".yml")):
        if len(words) > 1:
            raise StudyError(f"after {words[0]} nothing may follow but options; put the objective's own into the file")
        path = Path(words[0])
        study = read_study(path)
        if "objective" not in study:
            raise StudyError(f"{path}: objective: is missing; it says what to run, such as `objective: train.py`")
        study.pop("submit", None)  # what `shoal submit` reads
        os.chdir(path.absolute().parent)
        return {"name": path.stem, **study, **fields}
    return {"objective": words[0] if len(words) == 1 else words, **fields}


def space_of(text: str | None, params: list[str] | None, where: list[str] | None) -> tuple[Any, list[dict[str, Any]]]:
    """The space that is asked for, and the points that a problem wants to be tried first."""
    from shoal.space import Space
    from shoal.space.parsing import from_yaml, spells_domain
    from shoal.study_file import read_space

    if text is None and not params:
        if where:
            raise StudyError("--where needs a space beside it: --space or --param")
        return None, []
    from shoal import catalog

    found: Any = None
    start: list[dict[str, Any]] = []
    if text is not None and catalog.is_reference(text):
        found, start = _named_space(text)
    elif text is not None:
        found = read_space(Path(text))
    known = found.to_json() if found is not None else {"domains": {}, "where": []}
    domains = dict(known["domains"])
    for text in params or []:
        name, value = _pair("--param", text, "lr=loguniform(1e-6, 1)")
        if not value:
            raise StudyError(f"--param {text!r}: after the = comes a domain or a value, as in 'lr=loguniform(1e-6, 1)'")
        if any(name == other.partition("=")[0].strip() for other in params or [] if other is not text):
            raise StudyError(f"--param {name} is given twice")
        domains[name] = from_yaml(value if spells_domain(value) else _literal(value))
    return Space.from_json({"domains": domains, "where": [*known["where"], *(where or [])]}), start


def _named_space(text: str) -> tuple[Any, list[dict[str, Any]]]:
    """A space, a dict of domains, or a problem that has a ``space`` and may have a ``start``, by its reference."""
    from shoal import catalog
    from shoal.space import Space

    found = catalog.load_reference(text)
    space = getattr(found, "space", found)
    if not isinstance(space, (Space, dict)):
        raise StudyError(f"--space {text}: a space, a dict of domains or a problem is needed, got {found!r:.100}")
    return (space if isinstance(space, Space) else Space(space)), list(getattr(found, "start", []))


def settings_of(option: str, pairs: list[str] | None) -> dict[str, Any] | None:
    return None if pairs is None else {n: _literal(v) for n, v in (_pair(option, p, "name=value") for p in pairs)}


def islands_of(words: list[str] | None) -> dict[str, Any] | None:
    """Settings of islands, where a number alone is how many there are."""
    return settings_of("--islands", words and [f"count={word}" if word.isdigit() else word for word in words])


def points_of(texts: list[str] | None) -> list[dict[str, Any]] | None:
    if texts is None:
        return None
    points = [_literal(text) for text in texts]
    if not all(isinstance(point, dict) for point in points):
        raise StudyError(f"--start needs a JSON object, such as '{{\"lr\": 0.1}}', got {texts}")
    return points


def _pair(option: str, text: str, example: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise StudyError(f"{option} {text!r}: write it as {example!r}")
    return name.strip(), value.strip()


def _literal(text: str) -> Any:
    """A value as YAML reads it: numbers, true, null, lists; all else is text."""
    import yaml

    from shoal.study_file import Loader

    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError:
        return text
