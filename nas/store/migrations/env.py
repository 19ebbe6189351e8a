"""Run by Alembic with the connection that `nas.store.schema.upgrade` hands over."""

from alembic import context

from nas.store.schema import VERSION_TABLE
from nas.store.tables import metadata


def _is_ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    """Optuna's tables in the same database are none of ours: autogenerate would drop them."""
    return kind != "table" or (name or "").startswith("nas_")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_object=_is_ours,
)
with context.begin_transaction():
    context.run_migrations()
