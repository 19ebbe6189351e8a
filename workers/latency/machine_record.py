"""The reference network's time as this machine once took it, so that all databases on it are on one scale.

A small file for each fingerprint, in a folder that the machine empties when it starts.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nas.objective import Measurement, fingerprint_digest


class MachineRecord:
    """Of measurements by their fingerprints, in a folder of this user's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, fingerprint: Mapping[str, str | int]) -> Measurement | None:
        """None where there is none; what cannot be read is none."""
        try:
            return Measurement.from_dict(json.loads(self._file(fingerprint).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def put(self, taken: Measurement) -> None:
        """All of it or nothing, whoever else writes."""
        text = json.dumps(taken.to_dict())
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, self._file(taken.fingerprint))

    def _file(self, fingerprint: Mapping[str, str | int]) -> Path:
        return self._folder / f"reference-{fingerprint_digest(fingerprint)}.json"
