"""The constraints of a space file, and a check that some architecture satisfies them."""

import math
from collections.abc import Collection
from dataclasses import replace
from functools import partial

import yaml

from nas import plugins
from nas.errors import UserError
from nas.space import SearchSpace
from nas.space.constraint import COSTS, TOTAL_DEPTH, Constraints, Limit
from nas.space.mixing import GLOBAL, LOCAL, MIXINGS, mixing_of
from search_spaces.yaml_mixers import mixer_name
from search_spaces.yaml_reader import YamlReader
from search_spaces.yaml_values import WrongValue, positive, text

KEYS = ("order", TOTAL_DEPTH, *COSTS)
# More parameters, and more MACs, than any network that can be built.
MAX_LIMIT = 1e18


def read_constraints(reader: YamlReader, node: yaml.Node, mixers: Collection[str], *, has_input: bool) -> Constraints:
    """Read the constraints on a space with these mixers, without their model_input."""
    nodes = reader.mapping(node, "constraints", KEYS)
    order = _order(reader, nodes["order"], mixers) if "order" in nodes else ()
    limits = [_limit(reader, nodes[quantity], quantity) for quantity in KEYS[1:] if quantity in nodes]
    for quantity in COSTS:
        if quantity in nodes and not has_input:
            reader.mistake(
                nodes[quantity],
                f"constraints.{quantity}",
                "needs `input` beside `stages`: a network's cost depends on it",
            )
    return Constraints(order, tuple(limits))


def check_members(reader: YamlReader, node: yaml.Node, space: SearchSpace) -> None:
    """Add a mistake for each constraint that no architecture satisfies, or one for all of them together."""
    limits = space.constraints.limits
    single = {"order": replace(space.constraints, limits=())} | {
        limit.quantity: replace(space.constraints, order=(), limits=(limit,)) for limit in limits
    }
    try:
        if space.size > 0:
            return
        unsatisfiable = [
            key for key, constraints in single.items() if replace(space, constraints=constraints).size == 0
        ]
    except UserError as error:
        reader.mistake(node, "constraints", str(error))
        return
    nodes = reader.mapping(node, "constraints", KEYS)
    for key in unsatisfiable:
        reader.mistake(nodes[key], f"constraints.{key}", "no architecture satisfies it; loosen it")
    if not unsatisfiable:
        reader.mistake(node, "constraints", "no architecture satisfies all of them; loosen one")


def _order(reader: YamlReader, node: yaml.Node, mixers: Collection[str]) -> tuple[tuple[str, ...], ...]:
    key = "constraints.order"
    listed: set[str] = set()
    order = []
    for group_node in reader.items(node, key):
        group = []
        for item in reader.items(group_node, key):
            for name in reader.value(item, key, partial(_mixers_named, mixers), None) or ():
                if name in listed:
                    reader.mistake(item, key, f"{name!r} is listed twice")
                elif mixers and name not in mixers:
                    reader.mistake(item, key, f"no stage has mixer {name!r}; valid: {', '.join(sorted(mixers))}")
                listed.add(name)
                group.append(name)
        order.append(tuple(group))
    return tuple(order)


def _mixers_named(mixers: Collection[str], node: yaml.Node) -> list[str]:
    """Read a mixer's name, or `local` or `global` for all of the space's mixers that state it. Raises WrongValue."""
    mixing = text(node)
    if mixing not in (LOCAL, GLOBAL) or mixing in plugins.names(plugins.MIXERS):
        return [mixer_name(node)]
    stated = {name: mixing_of(name) for name in sorted(mixers)}
    unstated = [name for name, value in stated.items() if value not in MIXINGS]
    if unstated:
        raise WrongValue(f"mixer {unstated[0]!r} does not state its mixing; list mixers by name in place of {mixing!r}")
    members = [name for name, value in stated.items() if value == mixing]
    if mixers and not members:
        raise WrongValue(f"no stage has a {mixing} mixer; the mixers are {', '.join(sorted(mixers))}")
    return members


def _limit(reader: YamlReader, node: yaml.Node, quantity: str) -> Limit:
    """Read `{min: A, max: B}`, one of the two, or a number, which is the maximum."""
    key = f"constraints.{quantity}"
    read = positive(MAX_LIMIT)
    if isinstance(node, yaml.ScalarNode):
        return Limit(quantity, 0, reader.value(node, key, read, None) or math.inf)
    mistakes_before = reader.mistakes
    nodes = reader.mapping(node, key, ("min", "max"))
    minimum = reader.value(nodes.get("min"), f"{key}.min", read, None) or 0
    maximum = reader.value(nodes.get("max"), f"{key}.max", read, None) or math.inf
    if reader.mistakes == mistakes_before and not nodes:
        reader.mistake(node, key, "is empty; write min, max or both")
    if minimum > maximum:
        reader.mistake(node, key, f"min {minimum:,} is above max {maximum:,}")
    return Limit(quantity, minimum, maximum)
