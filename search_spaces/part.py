"""Parts of a network as descriptions: from one of them comes both the module and the source code that makes it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from nas.errors import ParameterError


@dataclass(frozen=True)
class Part:
    """A module to be built: its class, with positional and keyword arguments, parts among them."""

    module_class: Callable[..., nn.Module]
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The module, its weights from torch's global generator."""
        options = {name: _built(value) for name, value in self.options.items()}
        return self.module_class(*map(_built, self.arguments), **options)

    def source(self, names: Mapping[int, str], indent: int = 0) -> str:
        """The expression that builds it; objects whose id is in `names` stand there under their name."""
        arguments = [_source(value, names, indent + 1) for value in self.arguments]
        arguments += [f"{name}={_source(value, names, indent + 1)}" for name, value in self.options.items()]
        line = f"{self._class_name}({', '.join(arguments)})"
        if "\n" not in line and len(line) + 4 * indent <= 110:
            return line
        inner = " " * 4 * (indent + 1)
        return f"{self._class_name}(\n" + "".join(f"{inner}{each},\n" for each in arguments) + " " * 4 * indent + ")"

    @property
    def _class_name(self) -> str:
        is_torchs = self.module_class.__module__.startswith("torch.nn")
        return f"nn.{self.module_class.__name__}" if is_torchs else self.module_class.__name__


@dataclass(frozen=True)
class MixerPart(Part):
    """A token mixer of that name, whose complaint about its options is the user's to read."""

    name: str = ""

    def build(self) -> nn.Module:
        """Raises ParameterError when the mixer refuses its options."""
        try:
            return super().build()
        except (ValueError, TypeError) as error:
            raise ParameterError(f"mixer {self.name!r}: {error}") from error


@dataclass(frozen=True)
class Repeated:
    """A list of `times` modules of one kind, each with weights of its own."""

    part: Part
    times: int


IDENTITY = Part(nn.Identity)


def _built(value: Any) -> Any:
    if isinstance(value, Part):
        return value.build()
    if isinstance(value, Repeated):
        return [value.part.build() for _ in range(value.times)]
    if isinstance(value, list):
        return [_built(each) for each in value]
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
        return "[\n" + "".join(f"{inner}{_source(each, names, indent + 1)},\n" for each in value) + f"{closing}]"
    return repr(value)
