"""Backups of whole databases, also while searches write them, and room given back."""

from pathlib import Path
from tempfile import TemporaryDirectory

from nas.errors import ParameterError
from nas.store.creation import creation_lock
from nas.store.engine import open_engine, parse_url, shown, sqlite_file
from nas.store.maintenance import MAINTENANCE, Maintenance, maintenance_of
from nas.store.schema import HEAD
from nas.store.store import Store


def backup(storage: str, file: Path) -> int:
    """Write the content of the database of that URL to a new file, and return the file's bytes.

    Searches go on meanwhile; the backup is the database at one moment. Raises ParameterError for a file that exists or
    cannot be written, StorageError when the database cannot be read.
    """
    url = parse_url(storage)
    Store.open(storage, create=False).close()
    if file.exists():
        raise ParameterError(f"FILE {str(file)!r} exists: a backup is a new file")
    try:
        # Beside the file, so that a backup that was cut short never has its name.
        with TemporaryDirectory(dir=file.resolve().parent, prefix=f".{file.name}.") as folder:
            scratch = Path(folder) / file.name
            maintenance_of(url).backup(url, scratch)
            # Fails where another process has made the file meanwhile.
            file.hardlink_to(scratch)
    except OSError as error:
        raise ParameterError(f"FILE {str(file)!r} cannot be written: {error.strerror or error}") from error
    return file.stat().st_size


def check_backup(storage: str, file: Path) -> None:
    """Check that the file is a backup of a database of this kind and program, and not the database itself.

    Raises ParameterError where it is not, StorageError where it is damaged.
    """
    url = parse_url(storage)
    try:
        with file.open("rb") as content:
            start = content.read(max(len(kind.header) for kind in MAINTENANCE.values()))
    except OSError as error:
        raise ParameterError(f"FILE {str(file)!r} cannot be read: {error.strerror or error}") from error
    kind = next((kind for kind in MAINTENANCE.values() if start.startswith(kind.header)), None)
    wanted = maintenance_of(url)
    if kind is None:
        raise ParameterError(f"FILE {str(file)!r} is no backup of a database")
    if kind is not wanted:
        raise ParameterError(
            f"FILE {str(file)!r} is a backup of {kind.name}, and {shown(url)!r} is {wanted.name}: restore it to "
            f"{kind.name}, then `nas db copy`"
        )
    database = sqlite_file(url)
    if database is not None and database.exists() and database.samefile(file):
        raise ParameterError(f"FILE {str(file)!r} is the database itself")
    version = kind.schema_version(file)
    if version is None:
        raise ParameterError(f"FILE {str(file)!r} is a backup of a database without studies of this program")
    if version > HEAD:
        raise ParameterError(
            f"FILE {str(file)!r} has schema {version}, newer than {HEAD} of this program: upgrade hybrid-nas"
        )


def restore(storage: str, file: Path) -> list[str]:
    """Replace the content of the database of that URL by a backup's; return the names of its studies.

    No search may run on the database. Those that ran when the backup was written are cut off in it: the next search
    goes on with their studies. Raises ParameterError for a file that is no such backup, StorageError when that fails.
    """
    url = parse_url(storage)
    check_backup(storage, file)
    engine = open_engine(url)
    try:
        with creation_lock(engine, shown(url)):
            maintenance_of(url).restore(url, file)
    finally:
        engine.dispose()
    with Store.open(storage, create=False) as store:
        store.cut_off_drivers()
        return [record.name for record in store.studies()]


def vacuum(storage: str) -> tuple[int, int]:
    """Give back the room of what was deleted; return the database's bytes before and after. Searches go on meanwhile.

    Raises StorageError when that fails.
    """
    url = parse_url(storage)
    maintenance: Maintenance = maintenance_of(url)
    with Store.open(storage, create=False) as store:
        return store.vacuum(maintenance.vacuum_statements, maintenance.size_bytes)
