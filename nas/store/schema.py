"""Our schema's version in a database, and the way up to the one that this program knows."""

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from nas.errors import StorageError

# Optuna owns `alembic_version`.
VERSION_TABLE = "nas_alembic_version"
HEAD = "0005"

# One process migrates at a time, all of it or nothing; the next one then finds nothing left to do. SQLite begins no
# transaction of its own before it changes tables.
_LOCKS = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(72107)"}


def schema_version(connection: Connection) -> str | None:
    """The revision that the database is at, None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    return version


def upgrade(engine: Engine, name: str, to: str = HEAD) -> None:
    """Bring the schema to HEAD, or to an earlier revision.

    Raises StorageError when the database is of a newer schema than this program.
    """
    with engine.connect() as connection:
        version = schema_version(connection)
    if version == to:
        return
    if version is not None and version > HEAD:
        raise StorageError(
            f"database {name!r} has schema {version}, newer than {HEAD} of this program: upgrade hybrid-nas"
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with engine.begin() as connection:
        connection.execute(text(_LOCKS[connection.dialect.name]))
        config.attributes["connection"] = connection
        command.upgrade(config, to)
