"""`nas retrain`: the full recipe on Ray Train, from a config to weights and a test accuracy."""
