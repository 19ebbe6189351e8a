"""Token mixers of a space file: each is built once, without memory for its weights, to check its options."""

import itertools
import math
from collections.abc import Iterator
from functools import partial

import yaml

from nas.architecture import Options, Stage
from nas.errors import UserError
from nas.space import MixerChoice
from search_spaces import model
from search_spaces.mixer_check import checked_mixer
from search_spaces.yaml_reader import YamlReader
from search_spaces.yaml_values import WrongValue, option, text

MAX_OPTION = 1_000_000
# A stage's choices are limited to these; each combination of a mixer's options is one.
MAX_CHOICES = 1_000
# 40 GB of weights in a single block.
MAX_PARAMETERS = 10**10


def mixer_name(node: yaml.Node) -> str:
    """Read the name of an installed mixer. Raises WrongValue."""
    name = text(node)
    try:
        model.option_defaults(name)
    except UserError as error:
        raise WrongValue(str(error)) from error
    return name


class MixersReader:
    """A reader of stages' mixers, each tried under the recipe at the stage's largest width."""

    def __init__(self, reader: YamlReader, recipe: str) -> None:
        self._reader = reader
        self._recipe = recipe
        self.named: set[str] = set()
        """The mixers read so far, also those with a mistake in their options."""

    def read(self, node: yaml.Node | None, key: str, width: int) -> list[MixerChoice]:
        """Read the choices of all entries, and add each mistake to the reader."""
        choices: list[MixerChoice] = []
        for entry in self._reader.items(node, key):
            for mixer in self._entry(entry, key, width):
                if len(choices) == MAX_CHOICES:
                    self._reader.mistake(
                        entry, key, f"a stage has at most {MAX_CHOICES:,} mixers, each combination of options counted"
                    )
                    return choices
                if mixer in choices:
                    self._reader.mistake(entry, key, f"{mixer} is listed twice")
                else:
                    choices.append(mixer)
        return choices

    def _entry(self, node: yaml.Node, key: str, width: int) -> Iterator[MixerChoice]:
        """Read `pool`, or `conv: {kernel: [3, 5]}`, of which each combination of options is a choice."""
        reader = self._reader
        mistakes_before = reader.mistakes
        name_node, options_node = node, None
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            reader.check_tag(node, key)
            ((name_node, options_node),) = node.value
        if not isinstance(name_node, yaml.ScalarNode):
            reader.mistake(
                node, key, "a mixer is a name, or one name with its options, such as `conv: {kernel: [3, 5]}`"
            )
            return
        name = reader.value(name_node, key, mixer_name, None)
        if name is None:
            return
        self.named.add(name)
        options = [] if options_node is None else self._options(options_node, f"{key}.{name}", name, width)
        if reader.mistakes == mistakes_before:
            yield from self._choices(node, key, name, options, width)

    def _options(self, node: yaml.Node, key: str, mixer: str, width: int) -> list[list[Options]]:
        """Read the values of each option of the mixer, each value tried alone."""
        nodes = self._reader.mapping(node, key, tuple(model.option_defaults(mixer)))
        return [
            self._reader.values(value, f"{key}.{name}", partial(self._option, mixer, name, width))
            for name, value in nodes.items()
        ]

    def _option(self, mixer: str, name: str, width: int, node: yaml.Node) -> Options:
        options = ((name, option(MAX_OPTION)(node)),)
        self._choice(mixer, options, width)
        return options

    def _choices(
        self, node: yaml.Node, key: str, mixer: str, options: list[list[Options]], width: int
    ) -> Iterator[MixerChoice]:
        combinations = math.prod(map(len, options))
        if combinations > MAX_CHOICES:
            message = f"{mixer!r} has {combinations:,} combinations of options; at most {MAX_CHOICES:,}"
            self._reader.mistake(node, key, message)
            return
        for combination in itertools.product(*options):
            try:
                yield self._choice(mixer, tuple(itertools.chain(*combination)), width)
            except WrongValue as error:
                self._reader.mistake(node, key, str(error))

    def _choice(self, mixer: str, options: Options, width: int) -> MixerChoice:
        stage = Stage(mixer, 1, width, options=options)
        try:
            (canonical,) = model.canonical(model.single_stage(stage, self._recipe)).stages
            parameters = sum(weight.numel() for weight in checked_mixer(stage, self._recipe).parameters())
        except UserError as error:
            raise WrongValue(str(error)) from error
        if parameters > MAX_PARAMETERS:
            size = f"{parameters:,} parameters at width {width:,}"
            raise WrongValue(f"mixer {canonical.mixer_label} has {size}; at most {MAX_PARAMETERS:,}")
        return MixerChoice(canonical.mixer, canonical.options)
