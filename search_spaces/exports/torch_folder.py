"""`--format torch`: a folder of config and weights, which `nas.load` turns into the network."""

import json
from pathlib import Path

from safetensors.torch import save

from nas.exports.config import CONFIG_FILE, ExportedConfig
from nas.exports.output_file import atomic_write, make_folder, write_text
from nas.exports.source import WEIGHTS_FILE
from search_spaces.exports.weights import network_of


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the folder and return the message for the user. Raises ParameterError when it cannot be written."""
    model = network_of(config, weights)
    make_folder("--output", path)
    line = f"import nas; model = nas.load({str(path)!r})"
    # Folders are moved and downloaded: the line inside names the folder relative to its parent.
    inside = f"import nas; model = nas.load({path.name!r})"
    with atomic_write("--output", path / WEIGHTS_FILE) as file:
        # A full disk then is an OSError, which safetensors' own writing of files does not raise.
        file.write_bytes(save(model.state_dict(), metadata={"provenance": json.dumps(config.provenance)}))
    write_text("--output", path / CONFIG_FILE, json.dumps(config.to_dict() | {"python": inside}, indent=2) + "\n")
    return f"wrote {path} ({CONFIG_FILE}, {WEIGHTS_FILE}); {config.weights_note(weights)}\n{line}"
