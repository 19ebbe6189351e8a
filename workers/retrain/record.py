"""The settings of a training in its output folder: the same ones go on there, and others are refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.errors import ParameterError
from nas.exports.output_file import write_text
from nas.results.settings import DATA_SETTINGS, PICTURE_SETTINGS
from nas.store.data_content import DATA_CONTENT, DataContent, shortest
from workers.data.file_digest import file_digest

SETTINGS_FILE = "settings.json"
# The digest of the weights that the training starts from.
WEIGHTS_DIGEST = "weights_digest"


def digest_settings(weights: Path | None) -> dict[str, str]:
    """The settings that name the weights that a training starts from by their content."""
    return {} if weights is None else {WEIGHTS_DIGEST: file_digest(weights).hex()}


def recorded(folder: Path, settings: Mapping[str, Any], *, has_trained: bool) -> dict[str, Any]:
    """Record the settings in the output folder, and return them as they are on record.

    `has_trained` says whether a training has left more there than settings. An earlier version did not record all of
    them: what such a training started from stays unknown.

    Raises ParameterError when the folder holds another training.
    """
    file = folder / SETTINGS_FILE
    kept = dict(settings)
    if has_trained and file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        unknown = {WEIGHTS_DIGEST, DATA_CONTENT} - before.keys()
        kept = {name: value for name, value in settings.items() if name not in unknown}
        _check_same(folder, before, kept)
    write_text("--output", file, json.dumps(kept, indent=2) + "\n")
    return kept


def _check_same(folder: Path, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    holds = f"--output {str(folder)!r} holds a training"
    earlier, content = DataContent.of(before), DataContent.of(settings)
    if earlier is not None and content is not None and earlier.digest != content.digest:
        changes = content.changes_since(earlier)
        raise ParameterError(f"{holds} on other pictures than {settings['dataset']!r} ({changes}); name another folder")
    # What is not on record is the data set's own way.
    own = dict.fromkeys((*DATA_SETTINGS, *PICTURE_SETTINGS))
    for name, value in (own | _flat(settings)).items():
        # An older version did not record all settings.
        known = _flat(before).get(name, 0.0 if name == "validation" else None)
        if name == "dataset" and (content is not None or shortest(str(known)) == shortest(str(value))):
            # The same pictures, whatever their path is by now.
            continue
        if name == WEIGHTS_DIGEST and known != value:
            raise ParameterError(f"{holds} that started from other weights; name another folder")
        if known != value:
            raise ParameterError(f"{holds} with {name} {_shown(known)}, not {_shown(value)}; name another folder")


def _shown(value: Any) -> str:
    return "at its default" if value is None else repr(value)


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe's fields and the other settings in one mapping."""
    return {**settings.get("recipe", {}), **{name: value for name, value in settings.items() if name != "recipe"}}
