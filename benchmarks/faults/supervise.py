"""A supervisor and its peers as a process of its own: ``python supervise.py FILE``, with arguments of `shoal.tune`, and
the ``seconds`` of a trial, as JSON in the file. It imports nothing but Shoal, of whatever version is on its path."""

from __future__ import annotations

import json
import sys

import shoal

if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        order = json.load(file)
    space = {"x": shoal.uniform(0.0, 1.0), "seconds": order.pop("seconds")}
    study = shoal.tune("train.py:train", space, **order)
    if study.speaks:
        print(study.ended)
