"""`--format json`: the config for programs to read."""

import json
from pathlib import Path

from nas.export.config import ExportedConfig
from nas.export.output_file import write_text


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the config to `path`; what to tell the user. Raises ParameterError when it cannot be written."""
    write_text("--output", path, json.dumps(config.to_dict(), indent=2) + "\n")
    return f"wrote {path}"
