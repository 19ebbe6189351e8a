"""Changes of whole studies that no search drives: deletion with what only they use, renaming, archiving."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from nas.store.engine import open_optuna, parse_url
from nas.store.network_weights import weights_prefix
from nas.store.store import Store, StudyRecord
from nas.study.baseline import artifact_prefix
from nas.study.driver_lock import drive, driven, is_alive

# The setting that names the supernet by which a study's members were judged.
SUPERNET_SETTING = "supernet"


class Deleted(NamedTuple):
    """The number of artifacts that went with a study, and the bytes of their contents."""

    artifacts: int
    size_bytes: int


def delete(store: Store, storage: str, record: StudyRecord) -> Deleted:
    """Delete a study of the store, whose URL is `storage`, with its trials and with the artifacts that no other uses.

    Raises UserError when the study is being searched.
    """
    with drive(store, record.study_id, record.name, advice="stop it before it is deleted"):
        # Optuna's records go first: a study without ours is not listed and could not be deleted any more.
        optuna_storage = open_optuna(parse_url(storage), max_wait_s=0.0)
        try:
            optuna_storage.delete_study(record.study_id)
        except KeyError:
            # Another process has just deleted it.
            pass
        finally:
            optuna_storage.engine.dispose()
        before = store.artifact_sizes()
        store.remove_study(record)
    names = used(record, before) & unused(store.studies(), before)
    store.remove_artifacts(names)
    return Deleted(len(names), sum(before[name] for name in names))


def rename(store: Store, record: StudyRecord, new: str) -> None:
    """Rename a study. Raises UserError when it is being searched, ParameterError for a name that it cannot have."""
    driver = store.rename_study(record.study_id, record.name, new, _is_free)
    if driver is not None:
        raise driven(record.name, driver, "stop it before it is renamed")


def archive(store: Store, record: StudyRecord, archived_at: float | None) -> None:
    """Archive a study at that time, in seconds since 1970, or with None bring it back.

    Raises UserError when it is being searched.
    """
    driver = store.put_archived(record.study_id, archived_at, _is_free)
    if driver is not None:
        raise driven(record.name, driver, "stop it before it is archived")


def check_undriven(store: Store, advice: str) -> None:
    """Raise UserError, which ends in `advice`, when a study of the store is being searched."""
    for record in store.studies():
        driver = store.driver(record.study_id)
        if driver is not None and not _is_free(driver):
            raise driven(record.name, driver, advice)


def used(record: StudyRecord, names: Collection[str]) -> set[str]:
    """Select the names of artifacts that a study uses: its networks' weights, its supernet, its baselines."""
    prefixes = (weights_prefix(record.name), artifact_prefix(record.settings))
    return {name for name in names if name.startswith(prefixes) or name == record.settings.get(SUPERNET_SETTING)}


def unused(records: Sequence[StudyRecord], names: Collection[str]) -> set[str]:
    """Select the names of artifacts that none of these studies uses."""
    return set(names).difference(*(used(record, names) for record in records))


def _is_free(driver: Mapping[str, Any] | None) -> bool:
    return driver is None or not is_alive(driver, time.time())
