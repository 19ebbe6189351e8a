"""Latency measurement: targets (where a network runs) and the estimate (how it is timed)."""
