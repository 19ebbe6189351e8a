"""The machine's record of the reference network's time, so that all databases on it are on one scale.

A small file for each fingerprint, in a folder that the machine empties when it starts.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from nas.objective import Measurement, fingerprint_digest


class MachineRecord:
    """A record of measurements by their fingerprints, in a folder of this user's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, fingerprint: Mapping[str, str | int]) -> Measurement | None:
        """The recorded measurement; None where there is none or it cannot be read."""
        try:
            return Measurement.from_dict(json.loads(self._file(fingerprint).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def put(self, measurement: Measurement) -> None:
        """Record a measurement atomically, whatever other processes write."""
        text = json.dumps(measurement.to_dict())
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=self._folder)
        with os.fdopen(number, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, self._file(measurement.fingerprint))

    def _file(self, fingerprint: Mapping[str, str | int]) -> Path:
        return self._folder / f"reference-{fingerprint_digest(fingerprint)}.json"
