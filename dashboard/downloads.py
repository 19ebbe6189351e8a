"""Exports as files to download: the same exporters as those of `nas export`, folders as one ZIP file."""

import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from dashboard.detail import download_name
from dashboard.snapshot import Snapshot
from nas import plugins
from nas.export.config import config_of
from nas.results.front import pick

# Exporters seed torch's generator and redirect the process's output: one at a time.
EXPORTING = Lock()
# Where a format's file is not called after the format.
SUFFIXES = {"python": "py", "table": "csv"}


class Download(NamedTuple):
    name: str
    content: bytes


def of_trial(snapshot: Snapshot, number: int, form: str) -> Download:
    """Raises UnknownNameError for another format or a trial that is not complete, ExportError as exporters do."""
    plugins.check(plugins.EXPORTERS, form)
    result = pick(snapshot.trials.results, f"trial:{number}")
    config = config_of(result, snapshot.status.record)
    name = download_name(snapshot.status.record.name, number)
    with EXPORTING, tempfile.TemporaryDirectory(prefix="nas-export-") as folder:
        path = Path(folder, name)
        plugins.load(plugins.EXPORTERS, form)(config, None, path)
        return _packed(path, form)


def of_study(snapshot: Snapshot, form: str) -> Download:
    """Raises UnknownNameError for another format, UserError where too little is on record."""
    plugins.check(plugins.STUDY_EXPORTERS, form)
    record = snapshot.status.record
    with EXPORTING, tempfile.TemporaryDirectory(prefix="nas-export-") as folder:
        path = Path(folder, download_name(record.name))
        plugins.load(plugins.STUDY_EXPORTERS, form)(list(snapshot.trials.by_number.values()), record, path)
        return _packed(path, form)


def _packed(path: Path, form: str) -> Download:
    if path.is_file():
        return Download(f"{path.name}.{SUFFIXES.get(form, form)}", path.read_bytes())
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            archive.write(file, Path(path.name, file.relative_to(path)))
    return Download(f"{path.name}-{form}.zip", packed.getvalue())
