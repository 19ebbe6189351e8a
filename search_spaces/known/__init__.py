"""Known networks, one family a file: what an expert would train instead of searching."""
