"""`--format torch`: the config as JSON, with the Python line that makes an nn.Module of it."""

import json
from pathlib import Path

from nas.export.config import ExportedConfig
from nas.output_file import write_text


def export(config: ExportedConfig, path: Path) -> str:
    """Write the config and its line to `path`; what to tell the user. Raises ParameterError as `write_text` does."""
    line = f"import nas; model = nas.build({str(path)!r})"
    write_text("--output", path, json.dumps(config.to_dict() | {"python": line}, indent=2) + "\n")
    return f"wrote {path}\n{line}"
