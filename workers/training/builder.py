"""The builder of the searched networks."""

from nas import plugins
from nas.builder import Builder


def load_builder() -> Builder:
    """Load the builder of the searched networks."""
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    return builder
