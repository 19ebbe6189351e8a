"""Exports of an architecture: the config that all formats share, and one file per format."""
