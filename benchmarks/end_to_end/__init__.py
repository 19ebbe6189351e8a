"""A plain script against `nas search` at equal wall time, both judged alike: `python -m benchmarks.end_to_end`."""
