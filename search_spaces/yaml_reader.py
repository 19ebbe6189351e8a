"""Mappings and lists of a YAML file, read to the end whatever is wrong in them: every mistake is gathered.

What cannot be read is left out, or its default stands in for it, so that no mistake brings another.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from nas.errors import SpaceFileError
from search_spaces import yaml_values
from search_spaces.yaml_values import WrongValue, as_written, shown

T = TypeVar("T")
# Each value of a list is a choice to a sampler; a hundred of them is beyond every search.
MAX_VALUES = 100


class YamlReader:
    """Reads nodes and gathers mistakes: `FILE:LINE: KEY: what is wrong`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mistakes: list[tuple[int, str]] = []

    @property
    def mistakes(self) -> int:
        """How many there are so far."""
        return len(self._mistakes)

    def mistake(self, node: yaml.Node | None, key: str, what: str) -> None:
        """Add a mistake at the node; None stands for the beginning of the file."""
        self._mistakes.append((node.start_mark.line + 1 if node is not None else 1, f"{key}: {what}"))

    def error(self) -> SpaceFileError:
        """All mistakes, from the file's first line to its last."""
        ordered = sorted(dict.fromkeys(self._mistakes), key=lambda mistake: mistake[0])
        return SpaceFileError([f"{self._path}:{line}: {what}" for line, what in ordered])

    def value(self, node: yaml.Node | None, key: str, read: Callable[[yaml.Node], T], default: T) -> T:
        """What `read` makes of the node; the default when it is absent or wrong."""
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
        """The distinct values of a list; the default when it is absent."""
        if node is None:
            return list(default)
        found: list[T] = []
        for item in self.items(node, key):
            try:
                value = read(item)
            except WrongValue as error:
                self.mistake(item, key, str(error))
                continue
            if value in found:
                self.mistake(item, key, f"{as_written(item)} is listed twice")
            else:
                found.append(value)
        return found

    def check_tag(self, node: yaml.Node, key: str) -> bool:
        """Whether the node has an unknown tag, which is a mistake."""
        before = self.mistakes
        self.value(node, key, yaml_values.check_tag, None)
        return self.mistakes > before

    def items(self, node: yaml.Node | None, key: str, most: int = MAX_VALUES) -> list[yaml.Node]:
        """The items of a list, of which there must be one; a single value is a list of one."""
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            return [node]
        self.check_tag(node, key)
        if not node.value:
            self.mistake(node, key, "is an empty list")
        if len(node.value) > most:
            self.mistake(node, key, f"lists {len(node.value):,} values; at most {most}")
        return list(node.value[:most])

    def mapping(
        self, node: yaml.Node, key: str, valid: Sequence[str], needed: Sequence[str] = ()
    ) -> dict[str, yaml.Node]:
        """The valid names to their nodes; the needed ones must be there."""
        has_tag = self.check_tag(node, key)
        if not isinstance(node, yaml.MappingNode):
            if not has_tag:
                self.mistake(node, key, f"is not a mapping of {', '.join(valid) or 'names'}")
            return {}
        found: dict[str, yaml.Node] = {}
        seen: set[str] = set()
        for name_node, value in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                self.mistake(name_node, key, f"{as_written(name_node)} stands where a key does; a key is a name")
                continue
            name = name_node.value
            self.check_tag(name_node, f"{key}.{shown(name)}")
            if name not in valid:
                self.mistake(name_node, f"{key}.{shown(name)}", f"unknown key; valid: {', '.join(valid) or 'none'}")
            elif name in seen:
                self.mistake(name_node, f"{key}.{shown(name)}", "is there twice")
            else:
                found[name] = value
                if isinstance(value, yaml.CollectionNode):
                    # What is wrong with a block as a whole is wrong where its key stands, not at its first line.
                    value.start_mark = name_node.start_mark
            seen.add(name)
        for name in needed:
            if name not in seen:
                self.mistake(node, f"{key}.{name}", "is missing")
        return found
