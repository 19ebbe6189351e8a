"""The identity of studies: their names by their settings, their data and other packages' mixers by their content.

The path of a folder of pictures is a label, of which a folder has one in a database.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from nas import plugins
from nas.errors import OptionError
from nas.results.settings import MIXER_SOURCES, ComparableSettings
from nas.store.data_content import DATA_CONTENT, DataContent, shortest
from nas.store.store import StudyRecord
from nas.study.search_options import SearchOptions

# Settings that earlier versions did not record: they go on without, under the same name.
LATER_SETTINGS = (DATA_CONTENT, MIXER_SOURCES)


def label_of(dataset: str, studies: Sequence[StudyRecord]) -> str:
    """Return the label that recorded studies have for a data set (`./pets/` may be `pets`); else its shortest form."""
    labels = [study.settings.dataset for study in studies]
    if dataset in labels or ":" not in dataset:
        return dataset
    wanted = shortest(dataset)
    return next((label for label in labels if shortest(label) == wanted), wanted)


def study_name(options: SearchOptions, settings: ComparableSettings, studies: Sequence[StudyRecord]) -> str:
    """The study's name: the user's, else by its settings, so that the same command goes on with the same study.

    Raises OptionError where recorded studies know the data set with other pictures, unless the options accept that.
    """
    content = DataContent.of(settings)
    name = options.study or default_name(settings)
    if options.study or content is None:
        return name
    known = {study.name: study for study in studies if study.settings.dataset == settings.dataset}
    named_by_content = default_name(settings, by_content=True)
    for candidate in (name, named_by_content):
        if candidate in known and not _has_changed(known[candidate].settings, settings):
            return candidate
    others = [study for study in known.values() if _has_changed(study.settings, settings)]
    is_known = any(DataContent.of(study.settings) == content for study in known.values())
    if others and not is_known and not options.accept_changed_data:
        raise changed_data(others[0], settings, "{accept_changed_data} begins a new study")
    return named_by_content if name in known else name


def default_name(settings: ComparableSettings, *, by_content: bool = False) -> str:
    """Name a study by a hash of its settings, which includes the data's content only with `by_content`."""
    left_out = {MIXER_SOURCES} if by_content else set(LATER_SETTINGS)
    named = {name: value for name, value in settings.items() if name not in left_out}
    digest = hashlib.blake2b(json.dumps(named, sort_keys=True).encode(), digest_size=3).hexdigest()
    return f"{settings.space}-{settings.dataset.partition(':')[0]}-{digest}"


def check_content(study: StudyRecord, settings: ComparableSettings) -> None:
    """Raise OptionError when the study was begun with other pictures, or another source of a mixer.

    Earlier versions did not record either.
    """
    if _has_changed(study.settings, settings):
        remedy = "name another {study}, or leave it out: {accept_changed_data} then begins a new study"
        raise changed_data(study, settings, remedy)
    sources = settings.mixer_sources
    for mixer, digest in study.settings.mixer_sources.items():
        if mixer in sources and not plugins.is_same_source(plugins.MIXERS, mixer, digest, sources[mixer]):
            raise OptionError(
                "study {!r} was begun with another source of mixer {!r}: its trials could not be compared; name "
                "another {study}",
                study.name,
                mixer,
            )


def is_same_label(study: StudyRecord, settings: ComparableSettings) -> bool:
    """Whether the study's data set and that of the settings are one, known by content or by their paths."""
    if DataContent.of(settings) is not None and DataContent.of(study.settings) == DataContent.of(settings):
        return True
    return shortest(study.settings.dataset) == shortest(settings.dataset)


def changed_data(study: StudyRecord, settings: ComparableSettings, remedy: str) -> OptionError:
    """The error for a study that was begun with other pictures; says what changed."""
    earlier, content = DataContent.of(study.settings), DataContent.of(settings)
    changes = "" if earlier is None or content is None else content.changes_since(earlier)
    return OptionError(
        f"study {{!r}} was begun with other pictures of {{!r}} ({{}}): its trials could not be compared; {remedy}",
        study.name,
        settings.dataset,
        changes,
    )


def _has_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether the content is on record in both settings, and another one."""
    earlier, content = DataContent.of(before), DataContent.of(now)
    return earlier is not None and content is not None and earlier.digest != content.digest
