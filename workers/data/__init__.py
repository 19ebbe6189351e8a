"""Data sets by name (entry points of group `nas.datasets`): each a Dataset that opens an ImageSource."""
