"""The source of classes and of all that they use, as the text of one file that needs only torch and Python.

The source is the one that this process runs, so that an export cannot drift from the network.
"""

import ast
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module

from nas.errors import ExportError

ALLOWED = {"torch", *sys.stdlib_module_names}


class Bundle:
    """Definitions from modules, each once, and the imports that they use."""

    def __init__(self) -> None:
        self._modules: dict[str, _Module] = {}
        self._origins: dict[str, str] = {}
        self._texts: list[str] = []
        self._imports: dict[str, str] = {}

    def add(self, definition: type | Callable[..., object]) -> None:
        """Add a class or function and all that it uses. Raises ExportError when it needs more than torch and Python."""
        self._add(definition.__module__, definition.__qualname__)

    def text(self) -> str:
        """Return the imports, then the definitions, each after those that it uses."""
        return "\n".join(sorted(set(self._imports.values()))) + "\n\n\n" + "\n\n\n".join(self._texts)

    def _add(self, module_name: str, name: str) -> None:
        if name in self._origins:
            if self._origins[name] != module_name:
                raise ExportError(
                    f"two definitions of this network are named {name!r}, in {self._origins[name]} and in {module_name}"
                )
            return
        self._origins[name] = module_name
        module = self._modules.setdefault(module_name, _Module(module_name))
        for used in module.names_used_by(name):
            if used in module.definitions:
                self._add(module_name, used)
            elif used in module.imports:
                self._import(module, used)
        self._texts.append(module.source_of(name))

    def _import(self, module: "_Module", name: str) -> None:
        origin, original, statement = module.imports[name]
        if origin.partition(".")[0] in ALLOWED:
            self._imports[name] = statement
        elif origin.partition(".")[0] in (module.name.partition(".")[0], "search_spaces") and original == name:
            self._add(origin, name)
        else:
            raise ExportError(f"{module.name} uses {name!r} of {origin}, but the file may need only torch")


class _Module:
    """A module's top-level definitions and imports, by the names that they bind."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._lines = inspect.getsource(import_module(name)).splitlines()
        self.definitions: dict[str, ast.stmt] = {}
        # The name bound here, to: its module, its name there, a statement that imports it alone.
        self.imports: dict[str, tuple[str, str, str]] = {}
        for node in ast.parse("\n".join(self._lines)).body:
            match node:
                case ast.ClassDef() | ast.FunctionDef():
                    self.definitions[node.name] = node
                case ast.Assign(targets=[ast.Name(id=bound)]) | ast.AnnAssign(target=ast.Name(id=bound)):
                    self.definitions[bound] = node
                case ast.Import(names=names):
                    for alias in names:
                        bound = alias.asname or alias.name.partition(".")[0]
                        self.imports[bound] = (alias.name, alias.name, ast.unparse(ast.Import([alias])))
                case ast.ImportFrom(module=origin, names=names, level=level):
                    absolute = ".".join((*name.split(".")[:-level], origin or "")) if level else str(origin)
                    for alias in names:
                        statement = ast.unparse(ast.ImportFrom(absolute, [alias], 0))
                        self.imports[alias.asname or alias.name] = (absolute, alias.name, statement)

    def names_used_by(self, name: str) -> Iterable[str]:
        if name not in self.definitions:
            raise ExportError(f"{name!r} is not defined at the top of {self.name}")
        nodes = ast.walk(self.definitions[name])
        return dict.fromkeys(node.id for node in nodes if isinstance(node, ast.Name) and node.id != name)

    def source_of(self, name: str) -> str:
        """Return the definition with its decorators and the comment lines right above it."""
        node = self.definitions[name]
        decorators = getattr(node, "decorator_list", [])
        begin = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
        while begin > 0 and self._lines[begin - 1].startswith("#"):
            begin -= 1
        return "\n".join(self._lines[begin : node.end_lineno])
