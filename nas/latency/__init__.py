"""Latency: meters, what is recorded of them, and the models that predict it."""
