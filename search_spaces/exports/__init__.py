"""Exporters of networks, not only of their configs; entry points of group `nas.exporters` name them."""
