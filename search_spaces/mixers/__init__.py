"""Token mixers, one per file. A mixer maps x_BHWC to the same shape; entry points of group `nas.mixers` name them."""
