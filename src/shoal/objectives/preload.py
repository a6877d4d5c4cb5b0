"""What a Python script will import, imported beforehand in the process that its trials are forked from.

Only the standard library is imported here.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import importlib.util
import sys
import threading
from pathlib import Path

# importing these starts threads, MPI or an accelerator, which do not survive a fork
NEVER_FORKED = {"tensorflow", "jax", "cupy", "pycuda", "mpi4py", "ray"}


def imports_of(path: Path, seen: set[Path]) -> set[str]:
    """The installed modules that a script imports at its top level, also by way of its own neighbours."""
    if path in seen or not path.is_file():
        return set()
    seen.add(path)
    try:
        body: list[ast.AST] = list(ast.parse(path.read_bytes()).body)
    except (SyntaxError, ValueError):
        return set()  # the script will say so itself when it runs
    names: set[str] = set()
    while body:
        node = body.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            body += [child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler))]
    own = {name for name in names if _neighbour(path.parent, name) is not None}
    for name in own:
        names |= imports_of(_neighbour(path.parent, name) or path, seen)
    return {name for name in names if _neighbour(path.parent, name) is None}


def _neighbour(folder: Path, module: str) -> Path | None:
    base = folder.joinpath(*module.split("."))
    return next((place for place in (base.with_suffix(".py"), base / "__init__.py") if place.is_file()), None)


def preload(kind: str, target: str) -> bool:
    """Import what a script will import; False where it must not be forked but started afresh."""
    path = Path(target)
    if kind == "module":
        found = importlib.util.find_spec(target)
        path = Path(found.origin) if found is not None and found.origin else path
    names = imports_of(path.absolute(), set())
    if {name.split(".")[0] for name in names} & NEVER_FORKED:
        return False
    for name in sorted(names - {"__main__"}):
        with contextlib.suppress(Exception, SystemExit):  # the script meets the same error, and shows it
            importlib.import_module(name)
    _warm()
    return may_fork()


def _warm() -> None:
    """Do once what each child would do again: what libraries import late, and argparse compiles at first use."""
    if "numpy" in sys.modules:
        importlib.import_module("numpy.random")
    if "argparse" in sys.modules:
        parser = sys.modules["argparse"].ArgumentParser()
        parser.add_argument("--warm", type=float)
        parser.parse_known_args(["--warm", "1"])
    gc.collect()
    gc.freeze()  # spares children the copying of what a collection would touch


def may_fork() -> bool:
    """Whether what was imported survives a fork: no threads of Python, no GPU in use."""
    torch = sys.modules.get("torch")
    return threading.active_count() == 1 and not (torch is not None and torch.cuda.is_initialized())
