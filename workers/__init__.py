"""The parts that run on Ray: the Tune searcher and trainable, proxy training, latency targets and data sets."""
