"""Arguments and options that several commands share, and finding the study they mean."""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from shoal.errors import StudyError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from shoal.study import Study

DEFAULT_STORE = "shoal.db"
ENDLESS = 10_000  # columns: wider than any table


def complete_study(context: typer.Context, incomplete: str) -> Iterable[str]:
    """The names of the studies in the store, for tab completion."""
    from shoal import catalog
    from shoal.errors import ShoalError

    try:
        names = catalog.store(context.params.get("store") or DEFAULT_STORE, create=False).studies()
    except ShoalError:
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_search(incomplete: str) -> Iterable[str]:
    """The names of the searches, for tab completion."""
    from shoal.catalog import SEARCHES

    return [name for name in SEARCHES if name.startswith(incomplete)]


def complete_stopping(incomplete: str) -> Iterable[str]:
    """The names of the stopping rules, for tab completion."""
    from shoal.catalog import STOPPINGS

    return [name for name in (*STOPPINGS, "none") if name.startswith(incomplete)]


StoreOption = Annotated[
    str, typer.Option("--store", "-s", envvar="SHOAL_STORE", help="The store: a file, or the URL of a database.")
]
StudyArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDY", autocompletion=complete_study, help="The study's name; not needed if there is just one."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


def open_study(name: str | None, store: str) -> Study:
    """The study of that name, or the only one there is."""
    from shoal import catalog
    from shoal.study import Study

    if name is None:
        names = catalog.store(store, create=False).studies()
        if len(names) != 1:
            known = f"; {store} holds: {', '.join(names)}" if names else f": {store} holds none yet"
            raise StudyError(f"which study? Give its name{known}")
        name = names[0]
    return Study.open(name, store)


def next_words(url: str) -> tuple[str, str]:
    """What a list of commands to type next begins with, and what each needs to find the store of this URL again:
    nothing where it is SHOAL_STORE or the default. A URL without its password is no URL to type."""
    if url == _found_anyway():
        return "Next:", ""
    if "***" in url:
        return "Next, once SHOAL_STORE is set to the URL of the store, with its password:", ""
    from shoal.files import sqlite_path

    path = sqlite_path(url)
    return "Next:", f" --store {shlex.quote(url if path is None else os.path.relpath(path))}"


def _found_anyway() -> str:
    """The URL of the store that a command uses without being told; its password is masked."""
    from shoal import catalog
    from shoal.errors import StoreError
    from shoal.stores.database import masked

    url = catalog.full_url(os.environ.get("SHOAL_STORE") or DEFAULT_STORE).removeprefix("ray:")
    try:
        return url if url.startswith("dir:") else masked(url)
    except StoreError:  # it is no store
        return url


def print_table(table: RenderableType, turned: RenderableType | None = None) -> None:
    """A table on standard output; as wide as it needs, and without trailing blanks, where no one looks at it.
    ``turned`` is the same with a column a row, for a terminal that is too narrow."""
    from rich.console import Console

    if sys.stdout.isatty():
        console = Console(highlight=False, markup=False, emoji=False)
        needed = console.measure(table, options=console.options.update_width(ENDLESS)).maximum
        console.print(table if turned is None or needed <= console.width else turned)
        return
    wide = Console(width=ENDLESS, highlight=False, markup=False, emoji=False, file=io.StringIO())
    wide.print(table)
    text = wide.file.getvalue()  # type: ignore[attr-defined]
    typer.echo("\n".join(line.rstrip() for line in text.splitlines()))


def print_json(data: Any) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
