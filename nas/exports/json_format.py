"""`--format json`: the config for programs."""

import json
from pathlib import Path

from nas.exports.config import ExportedConfig
from nas.exports.output_file import write_text


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the config to `path`; return a message for the user. Raises ParameterError if `path` is not writable."""
    write_text("--output", path, json.dumps(config.to_dict(), indent=2) + "\n")
    return f"wrote {path}"
