"""Exports as files to download, by the exporters of `nas export`. A folder becomes a ZIP file."""

import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from dashboard.detail import download_name
from dashboard.snapshot import Snapshot
from nas import plugins
from nas.exports.trained import trained_source
from nas.results.front import pick

# Exporters seed torch's generator and redirect the process's output, so that they run one at a time.
EXPORTING = Lock()
# Suffixes that differ from the name of the format.
SUFFIXES = {"python": "py", "table": "csv"}


class Download(NamedTuple):
    """A file to download."""

    name: str
    content: bytes


def of_trial(storage: str, snapshot: Snapshot, number: int, form: str) -> Download:
    """Export a trial, with its weights where it was trained at the study's target. `storage` is the database's URL.

    Raises UnknownNameError for an unknown format or a trial that is not complete, ExportError as exporters do.
    """
    plugins.check(plugins.EXPORTERS, form)
    result = pick(snapshot.trials.results, f"trial:{number}")
    record = snapshot.status.record
    with (
        EXPORTING,
        tempfile.TemporaryDirectory(prefix="nas-export-") as folder,
        trained_source(storage, record, result) as source,
    ):
        path = Path(folder, download_name(record.name, number))
        source.export(path, form)
        return _read_download(path, form)


def of_study(snapshot: Snapshot, form: str) -> Download:
    """Export a study. Raises UnknownNameError for an unknown format, UserError if the study has too few results."""
    plugins.check(plugins.STUDY_EXPORTERS, form)
    record = snapshot.status.record
    with EXPORTING, tempfile.TemporaryDirectory(prefix="nas-export-") as folder:
        path = Path(folder, download_name(record.name))
        plugins.load(plugins.STUDY_EXPORTERS, form)(list(snapshot.trials.by_number.values()), record, path)
        return _read_download(path, form)


def _read_download(path: Path, form: str) -> Download:
    if path.is_file():
        return Download(f"{path.name}.{SUFFIXES.get(form, form)}", path.read_bytes())
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, Path(path.name, file.relative_to(path)))
    return Download(f"{path.name}-{form}.zip", buffer.getvalue())
