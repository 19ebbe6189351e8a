"""A user's search space from a YAML file: every mistake is named with its line and key."""

from dataclasses import replace
from pathlib import Path

import yaml

from nas import plugins
from nas.architecture import MLP_RATIO, RECIPE, ModelInput
from nas.space import BlueprintChoices, SearchSpace, StageChoices
from nas.space.constraint import Constraints
from search_spaces.families import FAMILIES
from search_spaces.yaml_blueprint import check_input, read_blueprint
from search_spaces.yaml_constraints import check_members, read_constraints
from search_spaces.yaml_file import compose
from search_spaces.yaml_mixers import MixersReader
from search_spaces.yaml_reader import YamlReader
from search_spaces.yaml_values import (
    WrongValue,
    as_written,
    boolean,
    integer,
    not_negative,
    one_of,
    shown,
    single,
    text,
)

SCHEMA = 1
SPACE_KEYS = ("schema", "name", "description", "recipe", "blueprint", "stages", "constraints", "input")
STAGE_KEYS = ("mixers", "depths", "widths", "mlp_ratios", "norms", "positions")
# Limits beyond which no machine can build a network; docs/spaces.md has them too. Twelve stages need an input of
# 2,049 px.
MAX_STAGES = 12
MAX_DEPTH = 1_000
MAX_WIDTH = 16_384
MAX_MLP_RATIO = 100
MAX_INPUT = {"channels": 1_024, "height_px": 4_096, "width_px": 4_096, "classes": 1_000_000}


def read(path: Path) -> SearchSpace:
    """Read the file's space. Raises SpaceFileError with every mistake in it, ParameterError when it cannot be read."""
    root = compose(path)
    reader = YamlReader(path)
    space = _space(reader, root, path)
    if space is None or reader.mistakes:
        raise reader.error()
    return space


def _space(reader: YamlReader, root: yaml.Node, path: Path) -> SearchSpace | None:
    nodes = reader.mapping(root, "space", SPACE_KEYS, needed=("stages",))
    reader.value(nodes.get("schema"), "schema", _schema, SCHEMA)
    name = reader.value(nodes.get("name"), "name", _name, path.stem)
    if "name" not in nodes and (wrong := _wrong_name(name)):
        reader.mistake(None, "name", f"{shown(repr(name))}, from the file's name, {wrong}; write another `name`")
    description = reader.value(nodes.get("description"), "description", text, f"from {path.name}")
    recipe = reader.value(nodes.get("recipe"), "recipe", one_of(tuple(FAMILIES)), RECIPE)
    stage_reader = _StageReader(reader, recipe)
    stage_nodes = reader.items(nodes.get("stages"), "stages", MAX_STAGES)
    stages = [stage_reader.stage(node, f"stages[{number}]") for number, node in enumerate(stage_nodes, start=1)]
    blueprint = BlueprintChoices()
    if "blueprint" in nodes:
        blueprint = read_blueprint(reader, nodes["blueprint"], recipe)
    model_input = _input(reader, nodes["input"]) if "input" in nodes else None
    if model_input is not None and isinstance(nodes["input"], yaml.MappingNode):
        check_input(reader, nodes["input"], blueprint, recipe, len(stages), model_input)
    constraints = Constraints()
    if "constraints" in nodes:
        mixers = stage_reader.mixers.named
        declared = read_constraints(reader, nodes["constraints"], mixers, has_input="input" in nodes)
        constraints = replace(declared, model_input=model_input)
    if reader.mistakes:
        return None
    valid = tuple(stage for stage in stages if stage is not None)
    space = SearchSpace(name, description, valid, recipe, constraints, blueprint)
    if "constraints" in nodes:
        check_members(reader, nodes["constraints"], space)
    return space


class _StageReader:
    """A reader of stages, which adds each mistake to `reader` and gives None in place of a stage with one."""

    def __init__(self, reader: YamlReader, recipe: str) -> None:
        self._reader = reader
        self._recipe = recipe
        self.mixers = MixersReader(reader, recipe)

    def stage(self, node: yaml.Node, key: str) -> StageChoices | None:
        reader = self._reader
        nodes = reader.mapping(node, key, STAGE_KEYS, needed=("mixers", "depths", "widths"))
        depths = reader.values(nodes.get("depths"), f"{key}.depths", integer(MAX_DEPTH, minimum=0))
        widths = reader.values(nodes.get("widths"), f"{key}.widths", integer(MAX_WIDTH))
        ratios = reader.values(nodes.get("mlp_ratios"), f"{key}.mlp_ratios", not_negative(MAX_MLP_RATIO), [MLP_RATIO])
        norms = reader.values(nodes.get("norms"), f"{key}.norms", self._norm, [None])
        positions = reader.values(nodes.get("positions"), f"{key}.positions", boolean, [False])
        mixers = self.mixers.read(nodes.get("mixers"), f"{key}.mixers", max(widths, default=1))
        if reader.mistakes:
            return None
        return StageChoices(tuple(mixers), tuple(depths), tuple(widths), tuple(ratios), tuple(norms), tuple(positions))

    def _norm(self, node: yaml.Node) -> str | None:
        """Read a norm, the recipe's own as None, so that a network has one key."""
        family = FAMILIES[self._recipe]
        norm = one_of(tuple(family.norms))(node)
        return None if norm == family.norm else norm


def _input(reader: YamlReader, node: yaml.Node) -> ModelInput | None:
    mistakes_before = reader.mistakes
    nodes = reader.mapping(node, "input", tuple(MAX_INPUT), needed=tuple(MAX_INPUT))
    sizes = {key: reader.value(value, f"input.{key}", integer(MAX_INPUT[key]), 1) for key, value in nodes.items()}
    if reader.mistakes > mistakes_before:
        return None
    return ModelInput(**sizes)


def _schema(node: yaml.Node) -> int:
    value = single(node)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise WrongValue(f"{as_written(node)} is not a whole number of at least 1; this program reads schema {SCHEMA}")
    if value > SCHEMA:
        raise WrongValue(f"{as_written(node)} is newer than this program, which reads schema {SCHEMA}")
    return value


def _name(node: yaml.Node) -> str:
    name = single(node)
    if not isinstance(name, str):
        raise WrongValue(f"{as_written(node)} is not text; in quotes it is")
    if wrong := _wrong_name(name):
        raise WrongValue(f"{as_written(node)} {wrong}")
    return name


def _wrong_name(name: str) -> str:
    """Return what is wrong with a space's name, if anything: it appears in paths and beside installed spaces' names."""
    if name != name.strip() or not name or not name.isprintable() or set(name) & set("/\\"):
        return "is not a name: a name is one line without slashes and without spaces at its ends"
    if name in plugins.names(plugins.SPACES):
        return "is the name of an installed space"
    return ""
