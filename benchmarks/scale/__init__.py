"""What many peers of one study take: `python -m benchmarks.scale`."""
