"""The start of this package's processes, beside whatever modules of the same names the user has.

Python looks for `workers` in the working directory and on PYTHONPATH before it looks among installed packages. A
package that is imported already comes before both, and its submodules come from its own folder: so each process of ours
imports ours first. The user's modules of other names are found as ever.
"""

import os
import pickle
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

# The folder that this package's own packages are installed in.
ROOT = Path(__file__).resolve().parent.parent
OWN = ("nas", "search_spaces", "workers", "dashboard")
# Imported at the start of each process of ours, for pickled jobs refer to them. The pages are left to those that serve.
ROOMS = ("nas", "search_spaces", "workers")


class NameTakenError(ImportError):
    """A module of the user's and a package of ours that have the same name, where one process needs both."""


def import_own(name: str) -> None:
    """Import our package `name`, unless that is done.

    Raises NameTakenError where the process has imported another module of that name.
    """
    module = sys.modules.get(name)
    if module is None:
        spec = PathFinder.find_spec(name, [str(ROOT)])
        if spec is None or spec.loader is None:
            raise ImportError(f"hybrid-nas is not installed in one piece: {ROOT} has no {name!r}", name=name)
        module = sys.modules[name] = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    elif not _is_own(name, file := _file(module.__spec__) or getattr(module, "__file__", None)):
        raise NameTakenError(_both(name, file))


def import_rooms() -> None:
    """Import what each process of ours needs: the `worker_process_setup_hook` of Ray's workers."""
    for name in ROOMS:
        import_own(name)


def command(function: str, *arguments: str) -> list[str]:
    """Write the command line of a new process that calls `module:function` of ours, with these in `sys.argv`."""
    return [sys.executable, "-P", "-c", f"import {__name__}; {__name__}.call({function!r})", *arguments]


def call(function: str) -> Any:
    """Call `module:function` of ours."""
    module, _, name = function.partition(":")
    import_rooms()
    return getattr(import_module(module), name)()


def call_pickled(function: bytes) -> Any:
    """Call a pickled function of ours: the first thing in a process of a pool, whose jobs are ours as well."""
    import_rooms()
    return pickle.loads(function)()  # noqa: S301 - from the process that started this one


def main() -> None:
    """Run the console script `nas`."""
    call("nas.cli.main:console_script")


def conflict(error: BaseException) -> str | None:
    """Say so where the error came of importing our package in the place of a module of the user's."""
    if isinstance(error, ImportError):
        module = error.name or ""
    elif isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        module = error.obj.__name__
    else:
        return None
    name = module.partition(".")[0]
    theirs = _users_file(name) if name in OWN else None
    return None if theirs is None else _both(name, theirs)


def conflicts() -> list[str]:
    """Say which of the user's files have the names of what our processes begin with."""
    files = {name: _users_file(name) for name in ROOMS}
    return [_both(name, file) for name, file in files.items() if file is not None]


def _users_file(name: str) -> str | None:
    """The file or folder of another module `name`, in the working directory or elsewhere on the search path."""
    for folder in (os.getcwd(), *sys.path):
        spec = PathFinder.find_spec(name, [folder or os.getcwd()])
        file = _file(spec)
        if file is not None and not _is_own(name, file):
            return file
    return None


def _file(spec: ModuleSpec | None) -> str | None:
    """A module's file, or its folder where it has none; None for a folder that holds no code."""
    if spec is None or spec.origin is not None:
        return None if spec is None else spec.origin
    return next((folder for folder in spec.submodule_search_locations or () if any(Path(folder).glob("*.py"))), None)


def _is_own(name: str, file: str | None) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(ROOT / name)


def _both(name: str, theirs: str | None) -> str:
    return (
        f"{theirs or 'a module of yours'} and hybrid-nas's {ROOT / name} are both named {name!r}, and one process can "
        "have only one of them: give yours another name, or import it in another process"
    )
