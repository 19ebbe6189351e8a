"""Exports of an architecture: the config that all formats share, and a module for each format."""
