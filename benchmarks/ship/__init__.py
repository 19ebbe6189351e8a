"""The network that a user ships with us against the one that he would ship without us: `python -m benchmarks.ship`."""
