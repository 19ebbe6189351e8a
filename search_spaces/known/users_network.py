"""Users' own networks, each named by the function that makes it, `module:function`.

The function is called with `channels`, `height_px`, `width_px` and `classes` by name. The module is one that Python
finds, or a file under the working directory (nas.exports.known.users_file).
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from nas import plugins
from nas.errors import ParameterError
from nas.exports.known import users_file


def users_function(name: str) -> Callable[..., Any]:
    """Import the function that `module:function` names. Raises ParameterError when that fails."""
    module_name, _, function_name = name.partition(":")
    try:
        module = _module(module_name)
    # A user's module may raise anything when it is imported.
    except Exception as error:
        plugins.check_conflict(error)
        raise ParameterError(f"network {name!r}: {module_name} cannot be imported: {error}") from error
    function: Any = getattr(module, function_name, None)
    if not callable(function):
        raise ParameterError(f"network {name!r}: {module_name} has no function {function_name!r}")
    users: Callable[..., Any] = function
    return users


def _module(name: str) -> ModuleType:
    if name in sys.modules or importlib.util.find_spec(name.partition(".")[0]) is not None:
        return importlib.import_module(name)
    file = users_file(name)
    spec = None if file is None else importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("there is no module of that name, and no such file in the working directory")
    module = importlib.util.module_from_spec(spec)
    # As an import does: objects that the module pickles or looks up by its name are found.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
