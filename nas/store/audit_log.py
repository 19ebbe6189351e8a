"""The table of the service's audit log."""

from typing import NamedTuple

from sqlalchemy import insert, select

from nas.store import tables
from nas.store.database import Database
from nas.store.retry import retried

# A longer text is cut off: what a client sends must not keep an entry from being written.
MAX_WORD, MAX_PATH = 64, 1000


class AuditEntry(NamedTuple):
    """A request to change something: its time (seconds since 1970), the person's name, the address that it came from,
    its HTTP method and path, and the status of the answer. `person` is None for a token without a name.
    """

    at: float
    person: str | None
    address: str
    method: str
    path: str
    status: int


class AuditEntries(Database):
    """The audit log in a database."""

    @retried
    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Record a request."""
        address, path = entry.address[:MAX_WORD], entry.path[:MAX_PATH]
        values = entry._replace(address=address, path=path)._asdict()
        with self._begin() as connection:
            connection.execute(insert(tables.audit_log).values(values))

    @retried
    def audit_entries(self, limit: int) -> list[AuditEntry]:
        """List the latest entries, newest first."""
        columns = [tables.audit_log.c[name] for name in AuditEntry._fields]
        query = select(*columns).order_by(tables.audit_log.c.entry_id.desc()).limit(limit)
        with self._begin() as connection:
            return [AuditEntry(*row) for row in connection.execute(query)]
