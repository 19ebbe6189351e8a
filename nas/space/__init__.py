"""Search spaces as data: choices, constraints, counting, sizes, and loading by name or from a file."""

from nas.space.choices import BlueprintChoices, Choice, MixerChoice, StageChoices
from nas.space.search_space import Parameters, SearchSpace, Space

__all__ = ["BlueprintChoices", "Choice", "MixerChoice", "Parameters", "SearchSpace", "Space", "StageChoices"]
