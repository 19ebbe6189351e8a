"""The builder `metaformer`, as the core knows it (nas.builder.Builder): an entry point of group `nas.builders`."""

from search_spaces.cost import cost, part_cost
from search_spaces.folding import folded
from search_spaces.lone_mixer import build_mixer, mixer_cost
from search_spaces.memory import peak_memory
from search_spaces.model import build, canonical
from search_spaces.supernet import supernet

__all__ = ["build", "build_mixer", "canonical", "cost", "folded", "mixer_cost", "part_cost", "peak_memory", "supernet"]
