"""A trial that prints one report, in the form that Syne Tune and Shoal both read (the former needs the time)."""

import argparse
import json
import time

parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
params, _ = parser.parse_known_args()
print("[tune-metric]: " + json.dumps({"loss": params.x, "st_worker_timestamp": time.time()}), flush=True)
