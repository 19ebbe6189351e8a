"""Latency under load, predicted, between processes and between runtimes: `python -m benchmarks.latency PART...`."""
