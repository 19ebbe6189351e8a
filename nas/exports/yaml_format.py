"""`--format yaml`: the config in a form that people read and edit."""

from pathlib import Path

import yaml

from nas.exports.config import ExportedConfig
from nas.exports.output_file import write_text


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the config to `path`; return a message for the user. Raises ParameterError if `path` is not writable."""
    write_text("--output", path, yaml.safe_dump(config.to_dict(), sort_keys=False))
    return f"wrote {path}"
