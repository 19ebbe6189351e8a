"""The version of our schema in a database, and upgrades to this program's version."""

from pathlib import Path

from sqlalchemy import Connection, Engine, column, inspect, select, table, text

from nas.errors import StorageError

# Optuna owns `alembic_version`.
VERSION_TABLE = "nas_alembic_version"
HEAD = "0009"

# One process migrates at a time, all or nothing; the next one then has nothing to do. SQLite begins no transaction of
# its own before it changes tables.
_LOCKS = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(72107)"}


def schema_version(connection: Connection) -> str | None:
    """Read the schema's revision in a database, None before the first."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.scalar(select(column("version_num")).select_from(table(VERSION_TABLE)))
    return version


def upgrade(engine: Engine, name: str, to: str = HEAD) -> None:
    """Bring the schema to HEAD, or to an earlier revision.

    Raises StorageError when the database has a newer schema than this program.
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
