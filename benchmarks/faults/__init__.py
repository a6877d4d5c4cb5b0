"""Faults that are really made, with real processes, and what they cost a study: the tests run them small, the benchmark
in full."""
