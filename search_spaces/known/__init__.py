"""Known networks, one family a file: baselines that an expert would train without a search."""
