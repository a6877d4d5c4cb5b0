"""The process of one peer, as an engine starts it: ``python -m shoal.worker EVENTS SLOT``, with its order on standard
input."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import logging
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from shoal import catalog
from shoal.clock import RealClock
from shoal.engines.slot import Slot
from shoal.engines.worker_process import SECONDS
from shoal.errors import ShoalError, in_words
from shoal.journal import Journal
from shoal.peer import Peer
from shoal.pulse import Pulse

PR_SET_PDEATHSIG = 1
LONGEST = 8_000  # characters of what it says, which a pipe holds until the supervisor looks
FAILED = 3  # exit status of a peer that said why it cannot go on


def main() -> None:
    events, slot = int(sys.argv[1]), Slot(int(sys.argv[2]))
    _die_with_parent()
    signal.signal(signal.SIGINT, lambda *_: None)  # a handler, and not SIG_IGN, which what it starts would inherit
    os.register_at_fork(after_in_child=_hear_interrupts)
    orders = os.dup(0)  # what the objective starts must not read them
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    order, code = _receive(orders)
    os.environ.pop("PYTHONSAFEPATH", None)
    sys.path[:] = order["path"]
    os.chdir(order["folder"])
    if order["cpus"]:
        os.sched_setaffinity(0, order["cpus"])  # and of all that it starts
    keep_log()

    def begin(peer: Peer) -> None:
        threading.Thread(target=_listen, args=(peer, orders), name="shoal-orders", daemon=True).start()
        _say(events, ready="yes")

    try:
        reason = work(order, code, begin, slot.write)
    except ShoalError as error:
        _say(events, error=str(error))
        print(error, file=sys.stderr)  # where the objective has closed what the supervisor listens to, the log has it
        sys.exit(FAILED)
    _say(events, reason=reason)


def keep_log() -> None:
    """Write what is decided of trials into the peer's log."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log = logging.getLogger("shoal")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


def work(order: dict[str, Any], code: bytes, begin: Callable[[Peer], None], begun: Callable[[int, int], None]) -> str:
    """Do as a peer is ordered until the study ends; returns why it ended. ``begin`` is told of the peer before it runs,
    ``begun`` of each trial."""
    target, search, rule = _unpack(code, order)
    clock = RealClock()
    store = catalog.store(order["store"], create=False, known=True)
    journal = Journal(store, order["study"], order["peer"], clock)
    plan = journal.history.definition
    objective = catalog.objective(
        target if target is not None else plan.objective, order["preload"], order["scratch"], order["grace"]
    )
    peer = Peer(
        journal, catalog.thinker(search, rule, clock), objective, clock, order["device"], begun,
        supervised=order["supervised"],
    )  # fmt: skip
    try:
        with Pulse(journal, order["lease"]):
            gc.freeze()  # what is loaded stays: collections need not look at it again and again
            begin(peer)
            for pause in peer.run():
                clock.sleep(pause)
    finally:
        objective.close()
    store.leave(order["study"], order["peer"])
    return peer.reason


def _unpack(code: bytes, order: dict[str, Any]) -> tuple[Any, Any, Any]:
    """The objective, the search and the stopping rule that travelled as code, from the supervisor itself and never from
    a store."""
    if not code:
        return None, None, None
    import cloudpickle

    try:
        target, search, rule = cloudpickle.loads(code)
    except Exception as error:
        raise ShoalError(
            f"the objective cannot be loaded in a peer's process: {in_words(error)}; "
            "can what it uses be imported there? workers=0 runs it in your own process"
        ) from error
    return target, search, rule


def _receive(orders: int) -> tuple[dict[str, Any], bytes]:
    head, code = struct.unpack("!II", _read(orders, 8))
    return json.loads(_read(orders, head)), _read(orders, code)


def _read(orders: int, size: int) -> bytes:
    """Exactly so many bytes, unbuffered: what follows is for `_listen`."""
    data = b""
    while len(data) < size:
        part = os.read(orders, size - len(data))
        if not part:
            sys.exit(FAILED)  # the supervisor died before it had said what to do
        data += part
    return data


def _say(events: int, **words: str) -> None:
    with contextlib.suppress(OSError):  # no one listens any more
        cut = {word: said[:LONGEST] for word, said in words.items()}
        os.write(events, json.dumps(cut).encode() + b"\n")


def _listen(peer: Peer, orders: int) -> None:
    """Obey the supervisor; when it is gone, end at once with all that this process started."""
    while word := os.read(orders, SECONDS.size):  # written at once, and so read at once
        peer.stop("the study is being stopped", *SECONDS.unpack(word))
    _end()


def _hear_interrupts() -> None:
    """What the objective forks hears SIGINT, as ever."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _end() -> NoReturn:
    os.killpg(os.getpgid(0), signal.SIGKILL)
    os._exit(1)


def _die_with_parent() -> None:
    """Have the system kill this process when its parent dies, where it can (Linux); the closed pipe says it
    everywhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
