"""A search space of the user's own, from a YAML file: every mistake is named with its line and key.

Read with yaml's safe loader, as nodes, since only nodes know their lines.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml

from nas.architecture import MLP_RATIO, RECIPE, Architecture, ModelInput, Options, Stage, whole
from nas.constraint import COSTS, TOTAL_DEPTH, Constraints, Limit
from nas.errors import ParameterError, SpaceFileError, UserError
from nas.space import MixerChoice, SearchSpace, StageChoices
from search_spaces import model, network
from search_spaces.recipe import RECIPES

SCHEMA = 1
SPACE_KEYS = ("schema", "name", "description", "recipe", "stages", "constraints", "input")
STAGE_KEYS = ("mixers", "depths", "widths", "mlp_ratios", "norms", "positions")
INPUT_KEYS = ("channels", "height_px", "width_px", "classes")
CONSTRAINT_KEYS = ("order", TOTAL_DEPTH, *COSTS)
T = TypeVar("T")
# Mixers are tried out at this grid, where every one of them works.
SMALL_GRID = (2, 2)


def read(path: Path) -> SearchSpace:
    """The space of the file. Raises SpaceFileError with every mistake in it, ParameterError when it cannot be read."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ParameterError(f"space file {str(path)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"space file {str(path)!r} is not text in UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise SpaceFileError([f"{line}: not YAML: {getattr(error, 'problem', None) or 'unreadable'}"]) from error
    if root is None:
        raise SpaceFileError([f"{path}:1: the file is empty; a space needs at least `stages`"])
    reader = _Reader(path)
    space = reader.space(root)
    if reader.mistakes or space is None:
        raise SpaceFileError(reader.mistakes)
    if space.size == 0:
        raise SpaceFileError(
            [f"{path}:{reader.line_of_constraints}: constraints: no architecture keeps them; loosen one"]
        )
    return space


class _Reader:
    """Turns nodes into a space and gathers mistakes on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._recipe: str = RECIPE
        self.mistakes: list[str] = []
        self.line_of_constraints = 1

    def space(self, root: yaml.Node) -> SearchSpace | None:
        found = self._mapping(root, "space", SPACE_KEYS, needed=("stages",))
        if "schema" in found:
            self._integer(found["schema"], "schema", most=SCHEMA)
        name: str = self._text(found.get("name"), "name", self._path.stem)
        description = self._text(found.get("description"), "description", f"from {self._path.name}")
        self._recipe = self._one_of(found.get("recipe"), "recipe", tuple(RECIPES), RECIPE)
        stages = [
            self._stage(node, f"stages[{number}]")
            for number, node in enumerate(self._items(found.get("stages"), "stages"), start=1)
        ]
        model_input = self._input(found.get("input"))
        constraints = self._constraints(found.get("constraints"), model_input)
        if self.mistakes or not stages:
            return None
        return SearchSpace(
            name, description, tuple(stage for stage in stages if stage is not None), self._recipe, constraints
        )

    def _stage(self, node: yaml.Node, key: str) -> StageChoices | None:
        found = self._mapping(node, key, STAGE_KEYS, needed=("mixers", "depths", "widths"))
        depths = self._list(found.get("depths"), f"{key}.depths", self._integer)
        widths = self._list(found.get("widths"), f"{key}.widths", self._integer)
        ratios = self._list(found.get("mlp_ratios"), f"{key}.mlp_ratios", self._positive, [MLP_RATIO])
        norms = self._list(found.get("norms"), f"{key}.norms", self._norm, [None])
        positions = self._list(found.get("positions"), f"{key}.positions", self._boolean, [False])
        width = min(widths, default=1)
        mixers: list[MixerChoice] = []
        for mixer_node in self._items(found.get("mixers"), f"{key}.mixers"):
            for mixer in self._mixers(mixer_node, f"{key}.mixers", width):
                if mixer in mixers:
                    self._mistake(mixer_node, f"{key}.mixers", f"{mixer} is listed twice")
                mixers.append(mixer)
        if self.mistakes:
            return None
        return StageChoices(tuple(mixers), tuple(depths), tuple(widths), tuple(ratios), tuple(norms), tuple(positions))

    def _mixers(self, node: yaml.Node, key: str, width: int) -> Iterator[MixerChoice]:
        """`pool`, or `conv: {kernel: [3, 5]}`, of which each combination of options is a choice."""
        name_node, option_nodes = node, {}
        if isinstance(node, yaml.MappingNode) and len(node.value) == 1:
            name_node, options_node = node.value[0]
            option_nodes = self._mapping(options_node, f"{key}.{name_node.value}", None)
        if not isinstance(name_node, yaml.ScalarNode):
            self._mistake(
                node, key, "a mixer is a name, or one name with its options, such as `conv: {kernel: [3, 5]}`"
            )
            return
        named = []
        for option, value_node in option_nodes.items():
            values = self._list(value_node, f"{key}.{name_node.value}.{option}", self._scalar)
            named.append([(option, value) for value in values])
        for options in itertools.product(*named):
            yield from self._mixer(node, key, name_node.value, options, width)

    def _mixer(self, node: yaml.Node, key: str, name: str, options: Options, width: int) -> Iterator[MixerChoice]:
        stage = Stage(name, 1, width, options=options)
        try:
            (spelled,) = model.canonical(Architecture((stage,), self._recipe)).stages
            model.build_mixer(spelled, SMALL_GRID, RECIPES[self._recipe])
        except UserError as error:
            self._mistake(node, key, str(error))
        else:
            yield MixerChoice(spelled.mixer, spelled.options)

    def _input(self, node: yaml.Node | None) -> ModelInput | None:
        if node is None:
            return None
        found = self._mapping(node, "input", INPUT_KEYS, needed=INPUT_KEYS)
        values = {key: self._integer(value, f"input.{key}") for key, value in found.items()}
        return None if self.mistakes else ModelInput(**{key: value or 1 for key, value in values.items()})

    def _constraints(self, node: yaml.Node | None, model_input: ModelInput | None) -> Constraints:
        if node is None:
            return Constraints()
        self.line_of_constraints = node.start_mark.line + 1
        found = self._mapping(node, "constraints", CONSTRAINT_KEYS)
        order = [
            tuple(self._list(group, "constraints.order", self._mixer_name))
            for group in self._items(found.get("order"), "constraints.order", needed=False)
        ]
        named = list(itertools.chain(*order))
        if len(set(named)) != len(named):
            self._mistake(found["order"], "constraints.order", "a mixer is listed twice")
        limits = [self._limit(found[quantity], quantity) for quantity in (TOTAL_DEPTH, *COSTS) if quantity in found]
        for quantity in COSTS:
            if quantity in found and model_input is None:
                self._mistake(
                    found[quantity], f"constraints.{quantity}",
                    f"needs `input` ({', '.join(INPUT_KEYS)}) beside `stages`: the network's cost depends on it",
                )  # fmt: skip
        return Constraints(tuple(order), tuple(limits), model_input)

    def _limit(self, node: yaml.Node, quantity: str) -> Limit:
        """`{min: A, max: B}`, either of them, or a number, which is the most."""
        key = f"constraints.{quantity}"
        if isinstance(node, yaml.ScalarNode):
            return Limit(quantity, most=self._positive(node, key) or 0)
        found = self._mapping(node, key, ("min", "max"))
        bounds = {bound: self._positive(value, f"{key}.{bound}") or 0 for bound, value in found.items()}
        return Limit(quantity, bounds.get("min", 0), bounds.get("max", math.inf))

    # What a node may be. Each adds a mistake and gives a stand-in when it is something else.

    def _mapping(
        self, node: yaml.Node, key: str, valid: Sequence[str] | None, needed: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._mistake(node, key, f"is not a mapping of {', '.join(valid or ('names',))}")
            return {}
        found: dict[str, yaml.Node] = {}
        for name_node, value in node.value:
            name = str(name_node.value)
            if valid is not None and name not in valid:
                self._mistake(name_node, f"{key}.{name}", f"unknown key; valid: {', '.join(valid)}")
            elif name in found:
                self._mistake(name_node, f"{key}.{name}", "is there twice")
            else:
                found[name] = value
        for name in needed:
            if name not in found:
                self._mistake(node, f"{key}.{name}", "is missing")
        return found

    def _items(self, node: yaml.Node | None, key: str, *, needed: bool = True) -> list[yaml.Node]:
        """The items of a list; a single value is a list of one."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            return [node]
        if needed and not node.value:
            self._mistake(node, key, "is an empty list")
        return list(node.value)

    def _list(
        self, node: yaml.Node | None, key: str, read_item: Callable[[yaml.Node, str], T], default: Sequence[T] = ()
    ) -> list[T]:
        if node is None:
            return list(default)
        before = len(self.mistakes)
        values = [read_item(item, key) for item in self._items(node, key)]
        if len(self.mistakes) == before and len(set(values)) != len(values):
            self._mistake(node, key, "lists a value twice")
        return values

    def _scalar(self, node: yaml.Node, key: str) -> Any:
        if not isinstance(node, yaml.ScalarNode):
            self._mistake(node, key, "is not a single value")
            return 0
        constructor = yaml.SafeLoader("")
        return whole(constructor.construct_object(node))

    def _integer(self, node: yaml.Node, key: str, most: float = math.inf) -> int:
        value = self._scalar(node, key)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            bound = f" and at most {most:g}" if most < math.inf else ""
            self._mistake(node, key, f"{value!r} is not a whole number of at least 1{bound}")
            return 1
        return value

    def _positive(self, node: yaml.Node, key: str) -> float:
        value: float = self._scalar(node, key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            self._mistake(node, key, f"{value!r} is not a number above 0")
            return 1
        return value

    def _boolean(self, node: yaml.Node, key: str) -> bool:
        value = self._scalar(node, key)
        if not isinstance(value, bool):
            self._mistake(node, key, f"{value!r} is not true or false")
        return bool(value)

    def _text(self, node: yaml.Node | None, key: str, default: str) -> str:
        value = default if node is None else self._scalar(node, key)
        if not isinstance(value, str) or not value:
            self._mistake(node, key, f"{value!r} is not a name")
            return default
        return value

    def _one_of(self, node: yaml.Node | None, key: str, valid: Sequence[str], default: str) -> str:
        value = default if node is None else self._scalar(node, key)
        if value not in valid:
            self._mistake(node, key, f"{value!r} is unknown; valid: {', '.join(valid)}")
            return default
        return str(value)

    def _norm(self, node: yaml.Node, key: str) -> str | None:
        """A norm that is the recipe's own is spelled as None, so that a network has one key."""
        norm = self._one_of(node, key, tuple(network.NORMS), "layer")
        return None if norm == RECIPES[self._recipe].norm else norm

    def _mixer_name(self, node: yaml.Node, key: str) -> str:
        name = str(self._scalar(node, key))
        try:
            model.option_defaults(name)
        except UserError as error:
            self._mistake(node, key, str(error))
        return name

    def _mistake(self, node: yaml.Node | None, key: str, what: str) -> None:
        line = node.start_mark.line + 1 if node is not None else 1
        self.mistakes.append(f"{self._path}:{line}: {key}: {what}")
