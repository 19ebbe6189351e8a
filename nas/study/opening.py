"""Opening a study in Optuna's tables and in ours: made where it is new, else checked against its settings."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import optuna

from nas import plugins
from nas.errors import ParameterError, StorageError
from nas.results.limits import MIN_ACCURACY_SETTING
from nas.results.settings import DATA_SETTINGS, PICTURE_SETTINGS, ComparableSettings
from nas.space.loading import is_file, load_space
from nas.space.size import split_size
from nas.store.engine import open_optuna, parse_url
from nas.store.optuna_storage import DriverStorage
from nas.store.store import Store, StudyRecord
from nas.study.identity import LATER_SETTINGS, check_content, is_same_label

# Optuna's study carries this mark of our record: an id that Optuna gives anew after a deletion has another.
MARK = "nas_created_at"


def recorded_studies(storage: str) -> list[StudyRecord]:
    """The studies in the database; none where there is no database yet."""
    try:
        store = Store.open(storage, create=False)
    except StorageError:
        # A database that does not exist yet is made later; one that cannot be used is reported then.
        return []
    with store:
        return store.studies()


def space_of(settings: ComparableSettings, space: str) -> str:
    """Find the installed name of the space that a study was begun in, where `space` names another one by now.

    A space is known by its content: a study of `hybrid` of an earlier version goes on in that one.
    """
    if settings.space != space:
        return space
    installed = {load_space(name).key: name for name in plugins.names(plugins.SPACES)}
    return installed.get(settings.space_key or "", space)


def is_missing(space: str) -> bool:
    """Whether `space` names a file that is not here, or no space that is installed."""
    name, _ = split_size(space)
    return not Path(name).is_file() if is_file(name) else name not in plugins.names(plugins.SPACES)


class OpenStudy(NamedTuple):
    """A study in both tables: Optuna's and ours."""

    optuna_study: optuna.Study
    record: StudyRecord


def open_study(
    store: Store, storage: str, name: str, settings: ComparableSettings, owner: str | None = None
) -> OpenStudy:
    """The study of that name in the database of URL `storage`, made where it is new, and then the `owner`'s.

    Raises ParameterError when it was begun with other settings, StorageError when Optuna cannot use the database.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    objectives = settings.objectives
    study = optuna.create_study(
        study_name=name,
        storage=DriverStorage(open_optuna(parse_url(storage))),
        directions=["maximize" if objective.maximise else "minimize" for objective in objectives],
        load_if_exists=True,
    )
    created_at = {record.study_id: record.created_at for record in store.studies()}.get(study._study_id)
    if created_at is None or study.user_attrs.get(MARK) != created_at:
        if MARK not in study.user_attrs and (
            len(study.directions) != len(objectives) or study.get_trials(deepcopy=False)
        ):
            raise ParameterError(f"study {name!r} is another program's, made with Optuna alone; name another --study")
        _register(store, study, settings, created_at, owner)
    record = store.study(name)
    check_content(record, settings)
    # What is not on record is the data set's own way, or no limit.
    for setting in dict.fromkeys((*settings, *DATA_SETTINGS, *PICTURE_SETTINGS, MIN_ACCURACY_SETTING)):
        value = settings.get(setting)
        if setting == "space" and record.settings.space_key == settings.space_key:
            # The same space under another name.
            continue
        if setting in LATER_SETTINGS or (setting == "dataset" and is_same_label(record, settings)):
            continue
        if record.settings.get(setting) != value:
            earlier = _with(setting, record.settings.get(setting))
            raise ParameterError(
                f"study {name!r} was begun {earlier}, not {_with(setting, value)}: its trials could not be compared; "
                "name another --study"
            )
    return OpenStudy(study, record)


def _with(setting: str, value: Any) -> str:
    return f"without {setting}" if value is None else f"with {setting} {value!r}"


def _register(
    store: Store, study: optuna.Study, settings: ComparableSettings, stale: float | None, owner: str | None
) -> None:
    store.add_study(study._study_id, settings, time.time(), stale, owner)
    # Of two processes that do this at a time both go by the record of the one that was first.
    record = store.study(study.study_name)
    with experimental():
        study.set_metric_names([objective.name for objective in record.settings.objectives])
    study.set_user_attr("settings", dict(record.settings))
    study.set_user_attr(MARK, record.created_at)


@contextmanager
def optunas_errors(name: str) -> Iterator[None]:
    """Raise StorageError where Optuna cannot read or write the database: a full disk, a server that is gone."""
    try:
        yield
    except optuna.exceptions.StorageInternalError as error:
        reason: BaseException = error
        while reason.__cause__ is not None:
            reason = reason.__cause__
        raise StorageError(f"Optuna cannot use database {name!r}: {str(reason).splitlines()[0]}") from error


@contextmanager
def experimental() -> Iterator[None]:
    """Silence Optuna's warnings about experimental parts, which are used knowingly: its version is pinned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        yield
