"""Benchmark of samplers on tables of recorded results."""
