"""Mappings and lists of a YAML file, read to the end despite mistakes: every mistake is collected.

A value that cannot be read is left out or replaced by its default, so that no mistake causes another.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from nas.errors import SpaceFileError
from search_spaces import yaml_values
from search_spaces.yaml_values import WrongValue, as_written, shown

T = TypeVar("T")
# Each value of a list is a choice for a sampler; no search can use more than a hundred.
MAX_VALUES = 100


class YamlReader:
    """A reader of nodes that collects mistakes, `FILE:LINE: KEY: message`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mistakes: list[tuple[int, str]] = []

    @property
    def mistakes(self) -> int:
        """The number of mistakes so far."""
        return len(self._mistakes)

    def mistake(self, node: yaml.Node | None, key: str, message: str) -> None:
        """Add a mistake at the node; None stands for the beginning of the file."""
        self._mistakes.append((node.start_mark.line + 1 if node is not None else 1, f"{key}: {message}"))

    def error(self) -> SpaceFileError:
        """Make the error with all mistakes, in the order of the file's lines."""
        ordered = sorted(dict.fromkeys(self._mistakes), key=lambda mistake: mistake[0])
        return SpaceFileError([f"{self._path}:{line}: {message}" for line, message in ordered])

    def value(self, node: yaml.Node | None, key: str, read: Callable[[yaml.Node], T], default: T) -> T:
        """Read the node with `read`; return the default when it is absent or wrong."""
        if node is None:
            return default
        try:
            return read(node)
        except WrongValue as error:
            self.mistake(node, key, str(error))
            return default

    def values(
        self, node: yaml.Node | None, key: str, read: Callable[[yaml.Node], T], default: Sequence[T] = ()
    ) -> list[T]:
        """Read the distinct values of a list; return the default when it is absent."""
        if node is None:
            return list(default)
        values: list[T] = []
        for item in self.items(node, key):
            try:
                value = read(item)
            except WrongValue as error:
                self.mistake(item, key, str(error))
                continue
            if value in values:
                self.mistake(item, key, f"{as_written(item)} is listed twice")
            else:
                values.append(value)
        return values

    def check_tag(self, node: yaml.Node, key: str) -> bool:
        """Whether the node has an unknown tag, which is added as a mistake."""
        mistakes_before = self.mistakes
        self.value(node, key, yaml_values.check_tag, None)
        return self.mistakes > mistakes_before

    def items(self, node: yaml.Node | None, key: str, maximum: int = MAX_VALUES) -> list[yaml.Node]:
        """Read the items of a list that must not be empty; a single value is a list of one."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            return [node]
        self.check_tag(node, key)
        if not node.value:
            self.mistake(node, key, "is an empty list")
        if len(node.value) > maximum:
            self.mistake(node, key, f"lists {len(node.value):,} values; at most {maximum}")
        return list(node.value[:maximum])

    def mapping(
        self, node: yaml.Node, key: str, valid: Sequence[str], needed: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """Read a mapping of valid names to nodes; the needed names must be present."""
        has_tag = self.check_tag(node, key)
        if not isinstance(node, yaml.MappingNode):
            if not has_tag:
                self.mistake(node, key, f"is not a mapping of {', '.join(valid) or 'names'}")
            return {}
        nodes: dict[str, yaml.Node] = {}
        seen: set[str] = set()
        for name_node, value in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                self.mistake(name_node, key, f"{as_written(name_node)} stands in place of a key; a key is a name")
                continue
            name = name_node.value
            self.check_tag(name_node, f"{key}.{shown(name)}")
            if name not in valid:
                self.mistake(name_node, f"{key}.{shown(name)}", f"unknown key; valid: {', '.join(valid) or 'none'}")
            elif name in seen:
                self.mistake(name_node, f"{key}.{shown(name)}", "is listed twice")
            else:
                nodes[name] = value
                if isinstance(value, yaml.CollectionNode):
                    # A mistake of a whole block is reported at its key's line, not at the block's first line.
                    value.start_mark = name_node.start_mark
            seen.add(name)
        for name in needed:
            if name not in seen:
                self.mistake(node, f"{key}.{name}", "is missing")
        return nodes
