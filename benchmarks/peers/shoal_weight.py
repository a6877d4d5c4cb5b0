"""Shoal: the memory of a peer's process by the length of its history, in MiB. Usage: shoal_weight.py TRIALS …

Records of ten floats are told as another peer wrote them, to a history and a genetic search that looks at all params.
"""

import json
import sys

import psutil

import shoal
from shoal.history import History
from shoal.proposals import Proposer
from shoal.records import Definition, Ended, Started, decode, encode, write_params
from shoal.search.genetic import Genetic

NAMES = [f"x{place}" for place in range(10)]
space = shoal.Space(dict.fromkeys(NAMES, (0.0, 1.0)))
history = History(Definition(name="s", space=space.to_json()))
proposer = Proposer(history, Genetic())


def told(number: int) -> None:
    """A trial with params that no other has."""
    params = write_params({name: (number + 0.1 * place) % 1e6 / 1e6 for place, name in enumerate(NAMES)})
    why = f"trials {number // 2} and {number // 3} crossed, x3 drawn anew, x4 shifted"
    batch = [Started(number, params, f"peer-{number % 1_000}", 1.7e9, why),
             Ended(number, "done", 1.7e9, {"loss": 1.0 / (1 + number)}, seconds=60.0)]  # fmt: skip
    for record in decode(encode(batch)):
        if history.fold(record):
            proposer.tell(record)


memory = {0: psutil.Process().memory_info().rss / (1 << 20)}
for length in map(int, sys.argv[1:]):
    for number in range(history.length, length):
        told(number)
    memory[length] = psutil.Process().memory_info().rss / (1 << 20)
print(json.dumps(memory))
