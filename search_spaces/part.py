"""Descriptions of a network's parts, which give both the module and the source code that builds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nas.errors import ParameterError


@dataclass(frozen=True)
class Part:
    """A module to be built: its class with positional and keyword arguments, which may be parts themselves.

    Equal parts build modules of the same cost. The hash leaves out the keyword arguments, which are a dict.
    """

    module_class: Callable[..., nn.Module]
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def build(self) -> nn.Module:
        """Build the module, its weights from torch's global generator."""
        options = {name: _built(value) for name, value in self.options.items()}
        return self.module_class(*map(_built, self.arguments), **options)

    def source(self, names: Mapping[int, str], indent: int = 0) -> str:
        """Return the expression that builds it; `names` are variables to use for objects, by the objects' ids."""
        arguments = [_source(value, names, indent + 1) for value in self.arguments]
        arguments += [f"{name}={_source(value, names, indent + 1)}" for name, value in self.options.items()]
        line = f"{self._class_name}({', '.join(arguments)})"
        if "\n" not in line and len(line) + 4 * indent <= 110:
            return line
        inner = " " * 4 * (indent + 1)
        return (
            f"{self._class_name}(\n"
            + "".join(f"{inner}{argument},\n" for argument in arguments)
            + " " * 4 * indent
            + ")"
        )

    @property
    def _class_name(self) -> str:
        is_torchs = self.module_class.__module__.startswith("torch.nn")
        return f"nn.{self.module_class.__name__}" if is_torchs else self.module_class.__name__


@dataclass(frozen=True)
class MixerPart(Part):
    """A token mixer called `name`, which reports an invalid option as the user's error."""

    name: str = ""

    def build(self) -> nn.Module:
        """Build the mixer. Raises ParameterError when it refuses its options."""
        try:
            return super().build()
        except (ValueError, TypeError) as error:
            raise ParameterError(f"mixer {self.name!r}: {error}") from error


@dataclass(frozen=True)
class Repeated:
    """A list of `times` equal modules, each with its own weights."""

    part: Part
    times: int


IDENTITY = Part(nn.Identity)


def _built(value: Any) -> Any:
    if isinstance(value, Part):
        return value.build()
    if isinstance(value, Repeated):
        return [value.part.build() for _ in range(value.times)]
    if isinstance(value, list):
        return [_built(item) for item in value]
    return value


def _source(value: Any, names: Mapping[int, str], indent: int) -> str:
    if id(value) in names:
        return names[id(value)]
    if isinstance(value, Part):
        return value.source(names, indent)
    inner = " " * 4 * (indent + 1)
    closing = " " * 4 * indent
    if isinstance(value, Repeated):
        if value.times == 0:
            return "[]"
        block = value.part.source(names, indent + 1)
        return f"[\n{inner}{block}\n{inner}for _ in range({value.times})\n{closing}]"
    if isinstance(value, list):
        return "[\n" + "".join(f"{inner}{_source(item, names, indent + 1)},\n" for item in value) + f"{closing}]"
    return repr(value)
