"""Measured latency: targets (where a network runs) and the estimate (how it is timed)."""
