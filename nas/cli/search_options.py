"""The options of `nas search`, which the service and `nas supernet` take under the same names."""

from collections.abc import Mapping
from typing import Any

from nas.cli.declared_options import options_from, with_options
from nas.study.search import SearchOptions

search_options = with_options(SearchOptions)


def search_options_from(parameters: Mapping[str, Any]) -> SearchOptions:
    """The options that a command was called with."""
    return options_from(SearchOptions, parameters)
