"""Trials on Ray Tune: the cluster, the searcher and scheduler, the actor and its heartbeat."""
