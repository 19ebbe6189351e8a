"""The blueprint of a space file: lists of stems, and of names that the recipe knows."""

import yaml

from nas.architecture import MAX_KERNEL, MAX_STEM_CONVS, STEM_STRIDES, Architecture, Blueprint, ModelInput, Stage, Stem
from nas.errors import UserError
from nas.space import BlueprintChoices
from search_spaces.families import FAMILIES
from search_spaces.yaml_reader import YamlReader
from search_spaces.yaml_values import WrongValue, boolean, integer, text

# The blueprint's field for each key of the file.
KEYS = {"downsamples": "downsample", "norms": "norm", "activations": "activation", "blocks": "block"}
STEM_KEYS = ("kernel", "stride", "convs", "pool")


def read_blueprint(reader: YamlReader, node: yaml.Node, recipe: str) -> BlueprintChoices:
    """Read the choices under `blueprint`, and add each mistake to the reader."""
    nodes = reader.mapping(node, "blueprint", ("stems", *KEYS))

    def name_reader(field: str) -> "_NameReader":
        return _NameReader(recipe, field)

    choices: dict[str, tuple[str | None, ...]] = {
        key: tuple(reader.values(nodes.get(key), f"blueprint.{key}", name_reader(field), [None])) or (None,)
        for key, field in KEYS.items()
    }
    stems: list[Stem | None] = []
    for item in reader.items(nodes.get("stems"), "blueprint.stems"):
        stem = _stem(reader, item, recipe)
        if stem is not None and stem in stems:
            reader.mistake(item, "blueprint.stems", f"{stem.label} is listed twice")
        elif stem is not None:
            stems.append(stem)
    return BlueprintChoices(stems=tuple(stems) or (None,), **choices)


def check_input(
    reader: YamlReader,
    node: yaml.MappingNode,
    choices: BlueprintChoices,
    recipe: str,
    stages: int,
    model_input: ModelInput,
) -> None:
    """Add a mistake at the shorter side when the input is too small for a stem of the blueprint."""
    for stem in choices.stems:
        architecture = Architecture((Stage("identity", 1, 1),) * max(1, stages), recipe, Blueprint(stem=stem))
        try:
            FAMILIES[recipe].grids(architecture, model_input)
        except UserError as error:
            side = "height_px" if model_input.height_px <= model_input.width_px else "width_px"
            (side_node,) = (value for key, value in node.value if key.value == side)
            reader.mistake(side_node, f"input.{side}", str(error))
            return


class _NameReader:
    """A reader of names that the recipe knows. The recipe's own name is read as None, so that a network has one key."""

    def __init__(self, recipe: str, field: str) -> None:
        self._family = FAMILIES[recipe]
        self._field = field

    def __call__(self, node: yaml.Node) -> str | None:
        name = text(node)
        try:
            canonical = self._family.canonical(Blueprint(**{self._field: name}))  # type: ignore[arg-type]
        except UserError as error:
            raise WrongValue(str(error)) from error
        value: str | None = getattr(canonical, self._field)
        return value


def _stem(reader: YamlReader, node: yaml.Node, recipe: str) -> Stem | None:
    key = "blueprint.stems"
    mistakes_before = reader.mistakes
    nodes = reader.mapping(node, key, STEM_KEYS, needed=("kernel", "stride"))
    kernel = reader.value(nodes.get("kernel"), f"{key}.kernel", integer(MAX_KERNEL), 1)
    stride = reader.value(nodes.get("stride"), f"{key}.stride", integer(max(STEM_STRIDES)), 1)
    convs = reader.value(nodes.get("convs"), f"{key}.convs", integer(MAX_STEM_CONVS), 1)
    pool = reader.value(nodes.get("pool"), f"{key}.pool", boolean, False)
    if reader.mistakes > mistakes_before:
        return None
    try:
        stem = Stem(kernel, stride, convs, pool)
        FAMILIES[recipe].canonical(Blueprint(stem=stem))
    except UserError as error:
        reader.mistake(node, key, str(error))
        return None
    return stem
