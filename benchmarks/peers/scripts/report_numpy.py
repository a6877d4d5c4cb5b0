"""A trial that imports numpy, as most do, and prints one report."""

import argparse
import json
import time

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
params, _ = parser.parse_known_args()
loss = float(np.square(params.x))
print("[tune-metric]: " + json.dumps({"loss": loss, "st_worker_timestamp": time.time()}), flush=True)
