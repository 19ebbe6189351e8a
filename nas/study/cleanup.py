"""Removal of what is old and belongs to no study, and of studies that were archived long ago."""

from dataclasses import dataclass

from nas.store.store import Store
from nas.study import curation


@dataclass(frozen=True)
class Pruned:
    """Names of removed studies, numbers of artifacts and of `rows` by kind, bytes of the artifacts' contents."""

    studies: tuple[str, ...]
    artifacts: int
    size_bytes: int
    rows: dict[str, int]


def prune(store: Store, storage: str, before: float, *, archived: bool = False, dry_run: bool = False) -> Pruned:
    """Remove what is older than the time `before`, in seconds since 1970, from the store, whose URL is `storage`.

    Artifacts that no study uses, latency measurements of no trial (never those of the reference network, which are the
    scale of all others), entries of the audit log; with `archived` also studies that were archived before that time.
    With `dry_run` nothing is removed. Raises UserError where an archived study is being searched.
    """
    records = store.studies()
    old = [record for record in records if archived and record.archived_at and record.archived_at < before]
    kept = [record for record in records if record not in old]
    sizes = store.artifact_sizes()
    # Those of no study by their age, those of studies that go by the studies' age.
    names = curation.unused(records, store.artifact_sizes(before))
    names |= curation.unused(kept, sizes) & {name for record in old for name in curation.used(record, sizes)}
    if not dry_run:
        for record in old:
            curation.delete(store, storage, record)
        store.remove_artifacts(names)
    rows = store.remove_old(before, dry_run=dry_run)
    return Pruned(tuple(record.name for record in old), len(names), sum(sizes[name] for name in names), rows)
