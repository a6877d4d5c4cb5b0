"""The process that starts a peer's scripts, one a trial, and outlives none of them.

It imports once what a Python script imports, and then forks for each trial, so that a trial starts in milliseconds. Any
other command it forks and executes. When its peer is gone, it kills what is running: nothing is ever left behind.

Only the standard library is imported here; ``python -m shoal.objectives.launcher FD`` is how a peer starts it.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import ctypes
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
from types import CodeType, ModuleType
from typing import Any

from shoal.objectives.preload import preload

PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # have the system kill scripts with this process


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
    data, length = b"", struct.unpack("!I", head)[0]
    while len(data) < length:
        part = channel.recv(min(length - len(data), 1 << 16))  # the next message may wait behind it
        if not part:
            return None
        data += part
    return json.loads(data), list(descriptors)


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
            compiled(message)  # once, for all children
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
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    for place, descriptor in enumerate(descriptors, start=1):
        os.dup2(descriptor, place)
        os.close(descriptor)
    wanted = message["environment"]
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in wanted.items() if os.environ.get(name) != value})
    os.chdir(message["folder"])


def run(job: dict[str, Any]) -> None:
    """Become the script."""
    if not job["forked"] or job["kind"] == "exec":
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            signal.signal(number, signal.SIG_DFL)
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
        code = compiled(job)
        if code is not None:
            _be_main(job["target"], code)
        elif job["kind"] == "path":
            runpy.run_path(job["target"], run_name="__main__")  # shows why it cannot be compiled
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


def compiled(job: dict[str, Any]) -> CodeType | None:
    """The code of a script, compiled when its file has changed; None for a module, and for what does not compile."""
    if job["kind"] != "path":
        return None
    path = os.path.join(job["folder"], job["target"])
    try:
        state = os.stat(path)
        stamp = (path, state.st_mtime_ns, state.st_size)
        if _code.get("stamp") != stamp:
            _code["stamp"], _code["code"] = stamp, None
            _code["code"] = compile(Path(path).read_bytes(), job["target"], "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError):
        return None
    return _code["code"]  # type: ignore[no-any-return]


_code: dict[str, Any] = {}


def _be_main(path: str, code: CodeType) -> None:
    """Run code as Python runs a script: as the module ``__main__``."""
    main = ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    exec(code, main.__dict__)  # noqa: S102 - the user's own script


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
    os.environ.pop("PYTHONSAFEPATH", None)  # till here: the user's modules do not take the place of those above
    sys.path.insert(0, os.getcwd())
    forked = setup["preload"] and setup["kind"] != "exec" and preload(setup["kind"], setup["target"])
    send(channel, {"forked": forked})
    run(serve(channel, forked))


if __name__ == "__main__":
    main()
