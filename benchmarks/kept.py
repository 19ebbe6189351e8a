"""Finished pieces of a long benchmark as lines of JSON, so that it goes on where it stopped."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

# Names a piece: its kind, case, seed and whatever else would make it another result.
Key = Mapping[str, str | int | float]


class Kept:
    """The pieces in a file, one line each; of two lines for one piece the last one counts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._results: dict[str, Any] = {}
        for line in lines:
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                # A line that a killed process did not finish: its piece is done again.
                continue
            self._results[_name(row["key"])] = row["result"]

    def get(self, key: Key) -> Any:
        """Return the piece's result, None where it is not finished."""
        return self._results.get(_name(key))

    def add(self, key: Key, result: Any) -> None:
        # After a line that was cut off a new one begins.
        cut_off = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut_off + json.dumps({"key": dict(key), "result": result}) + "\n")
        self._results[_name(key)] = result

    def once(self, key: Key, work: Callable[[], Any]) -> Any:
        """Return the piece's result; where it is not finished do the work and keep it."""
        if (result := self.get(key)) is None:
            result = work()
            self.add(key, result)
        return result


def _name(key: Key) -> str:
    return json.dumps(dict(key), sort_keys=True)
