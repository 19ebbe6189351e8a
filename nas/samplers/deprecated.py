"""Old names that go on working for one release, each use with a DeprecationWarning."""

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def renamed_names(module: str, home: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a `__getattr__` for `module`, whose old `names` stand by their new ones in the module `home`."""

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        _warn(f"{module}.{name}", f"{home}.{names[name]}")
        return getattr(import_module(home), names[name])

    return get


def renamed_property(owner: str, old: str, new: str) -> property:
    """Return a property that reads the attribute `new` under its old name."""

    def get(self: Any) -> Any:
        _warn(f"{owner}.{old}", f"{owner}.{new}")
        return getattr(self, new)

    return property(get)


def renamed_options(**names: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function accept keyword arguments under their old names, too: old=new."""

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def wrapper(*arguments: P.args, **options: P.kwargs) -> T:
            for old in names.keys() & options.keys():
                _warn(f"{function.__qualname__}({old}=...)", f"{names[old]}=...")
                options[names[old]] = options.pop(old)
            return function(*arguments, **options)

        return wrapper

    return decorate


def _warn(old: str, new: str) -> None:
    warnings.warn(f"{old} is now {new}; the next release drops the old name", DeprecationWarning, stacklevel=3)
