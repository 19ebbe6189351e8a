"""Latency: meters, recorded measurements, and models that predict latency."""
