"""Shoal: what a message of an MPI job costs its sender and its receiver. Usage: shoal_messages.py RANKS BATCHES

The last rank writes batches of one record, which all others fold into a history with a genetic search, as peers do; the
first rank keeps them in memory. ``sender_us`` and ``receiver_us``: microseconds of the processor for each message.
"""

import json
import sys
from time import process_time, sleep

from ranks import among_ranks

if __name__ == "__main__" and among_ranks(int(sys.argv[1])):
    import msgspec
    from mpi4py import MPI
    from shoal_traffic import SPACE, begin, end

    import shoal
    from shoal.clock import RealClock
    from shoal.journal import Journal
    from shoal.records import Defined, Definition, encode
    from shoal.search.genetic import Genetic
    from shoal.stores.memory import MemoryStore
    from shoal.stores.mpi import MpiStore

    comm, count = MPI.COMM_WORLD, int(sys.argv[2])
    kept = MemoryStore() if comm.rank == 0 else None
    if kept is not None:
        plan = Definition(name="messages", space=shoal.Space(SPACE).to_json())
        kept.create("messages", Defined(1, plan, 0.0))
    store = MpiStore(comm, "messages", None, kept, "job")
    journal = Journal(store, "messages", f"rank {comm.rank}", RealClock())
    search = Genetic()
    search.begin(journal.history)
    journal.listen(search.tell)
    records = [make for number in range(count // 2) for make in (begin(number, "writer"), end(number))]
    comm.Barrier()
    spent = process_time()
    if comm.rank == comm.size - 1:
        for record in records:
            store.append("messages", journal.writer, [record])
        spent = (process_time() - spent) / (comm.size - 1)
    comm.Barrier()
    if comm.rank < comm.size - 1:
        sleep(1.0)  # what was sent is there
        spent = process_time()
        got = 0
        while got < len(records):
            got += journal.sync()
        spent = process_time() - spent
    found = comm.gather(1e6 * spent / len(records))
    size = len(msgspec.msgpack.encode(("rank 1", encode(records[:1])))) / 2
    size += len(msgspec.msgpack.encode(("rank 1", encode(records[1:2])))) / 2
    store.finish()
    if comm.rank == 0:
        receivers = found[1:-1] or found[:-1]  # the first rank writes to its store as well
        receiver = sum(receivers) / len(receivers)
        print(json.dumps({"bytes": size, "sender_us": found[-1], "receiver_us": receiver, "first_us": found[0]}))
