"""Exports that hold a network and not only its config; entry points of group `nas.exporters` name them."""
