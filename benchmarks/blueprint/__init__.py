"""Mixers and blueprint choices in equal training time and at equal MACs: `python -m benchmarks.blueprint`."""
