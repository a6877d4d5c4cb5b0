"""The process that starts a peer's scripts, one a trial, and outlives none of them.

It imports once what a Python script imports, and then forks for each trial, so that a trial starts in milliseconds. Any
other command it forks and executes. When its peer is gone, it kills what is running: nothing is ever left behind.

Only the standard library is imported here; ``python -m shoal.objectives.launcher FD`` is how a peer starts it.
"""

from __future__ import annotations

import ast
import atexit
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import random
import runpy
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

# importing these starts threads, MPI or an accelerator, which do not survive a fork
NEVER_FORKED = {"tensorflow", "jax", "cupy", "pycuda", "mpi4py", "ray"}


def send(channel: socket.socket, message: dict[str, Any], descriptors: list[int] | None = None) -> None:
    data = json.dumps(message).encode()
    head = struct.pack("!I", len(data))
    if descriptors:
        socket.send_fds(channel, [head], descriptors)
        channel.sendall(data)
    else:
        channel.sendall(head + data)


def receive(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """A message and the file descriptors that came with it; None at the end."""
    head, descriptors, _, _ = socket.recv_fds(channel, 4, 4)
    while head and len(head) < 4:
        head += channel.recv(4 - len(head))
    if not head:
        return None
    data = b""
    while len(data) < struct.unpack("!I", head)[0]:
        part = channel.recv(1 << 16)
        if not part:
            return None
        data += part
    return json.loads(data), list(descriptors)


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
        with contextlib.suppress(Exception):  # the script meets the same error, and shows it
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


def serve(channel: socket.socket, forked: bool) -> dict[str, Any]:
    """Start a script for each request and answer with its exit status. Returns, in the child, what is to be run."""
    woken, wake = socket.socketpair()
    for end in (woken, wake):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    waiting = selectors.DefaultSelector()
    waiting.register(channel, selectors.EVENT_READ)
    waiting.register(woken, selectors.EVENT_READ)
    child = 0
    while True:
        for key, _ in waiting.select():
            if key.fileobj is woken:
                with contextlib.suppress(BlockingIOError):
                    woken.recv(4096)
                if child and (status := _reap(child)) is not None:
                    child = 0
                    send(channel, {"status": status})
                continue
            request = receive(channel)
            if request is None:
                _kill(child, signal.SIGKILL)
                os._exit(0)
            message, descriptors = request
            if "kill" in message:
                _kill(child, message["kill"])
                continue
            child = os.fork()
            if child == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for end in (channel, woken, wake):
                    end.close()
                waiting.close()
                _enter(message, descriptors)
                return {**message, "forked": forked}
            with contextlib.suppress(OSError):  # the child does the same; who comes first does not matter
                os.setpgid(child, child)
            for descriptor in descriptors:
                os.close(descriptor)


def _reap(child: int) -> int | None:
    done, status = os.waitpid(child, os.WNOHANG)
    if not done:
        return None
    _kill(child, signal.SIGKILL)  # what the script left running in its group
    return os.waitstatus_to_exitcode(status)


def _kill(group: int, number: int) -> None:
    if group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, number)


def _enter(message: dict[str, Any], descriptors: list[int]) -> None:
    """Make the forked process the trial's own."""
    os.setpgid(0, 0)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for place, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(message["environment"])
    os.chdir(message["folder"])


def run(job: dict[str, Any]) -> None:
    """Become the script."""
    if not job["forked"] or job["kind"] == "exec":
        try:
            os.execv(job["words"][0], job["words"])
        except OSError as error:
            print(f"cannot run {job['words'][0]}: {error}", file=sys.stderr, flush=True)
            os._exit(127)
    random.seed()  # forks would otherwise share their random numbers
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    sys.argv = [job["target"], *job["arguments"]]
    sys.path[0] = str(Path(job["target"]).absolute().parent) if job["kind"] == "path" else os.getcwd()
    status = 0
    try:
        if job["kind"] == "path":
            runpy.run_path(job["target"], run_name="__main__")
        else:
            runpy.run_module(job["target"], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        status = _status(end.code)
    except BaseException as error:  # noqa: BLE001 - shown as Python shows it, without the frames of this file
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None and trace.tb_frame.f_code.co_filename in _OWN:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        status = 1
    _leave(status)


def _status(code: object) -> int:
    """The exit status that ``sys.exit(code)`` means."""
    if code is None or isinstance(code, int):
        return (code or 0) & 0xFF
    print(code, file=sys.stderr)
    return 1


def _leave(status: int) -> None:
    """End the process as Python does, but for the taking apart of modules that the parent shares: 13 ms, or 30."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for the script's own threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the script may have closed it
            stream.flush()
    os._exit(status)


_OWN = {__file__, "<frozen runpy>", runpy.__file__}


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    first = receive(channel)
    if first is None:
        return
    setup, _ = first
    os.environ.pop("PYTHONSAFEPATH", None)
    forked = setup["preload"] and setup["kind"] != "exec" and preload(setup["kind"], setup["target"])
    send(channel, {"forked": forked})
    run(serve(channel, forked))


if __name__ == "__main__":
    main()
