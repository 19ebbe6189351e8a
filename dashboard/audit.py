"""The audit log: who asked to change anything, from where, when, and whether that was done.

Each entry is a row of the database and a line of JSON in a file.
"""

import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from fastapi import APIRouter, HTTPException
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from dashboard.api import MaxRows, Reading
from dashboard.identity import Identified, Identity
from nas.errors import StorageError
from nas.service import schemas
from nas.service.tokens import Right
from nas.store.audit_log import AuditEntry
from nas.store.store import Store

LOGGER = logging.getLogger(__name__)
FILE = "audit.jsonl"


router = APIRouter(prefix="/api/v1", tags=["audit"])


@router.get("/audit")
def audit(reading: Reading, identified: Identified, limit: MaxRows = 100) -> list[schemas.AuditEntry]:
    """List the latest requests to change something, newest first. Only admins may see them."""
    if identified.right is not Right.ADMIN:
        raise HTTPException(403, "only admins may see the audit log")
    return [cast("schemas.AuditEntry", entry._asdict()) for entry in reading.store.audit_entries(limit)]


class AuditLog:
    """The log of a service: a table of its store, and a `file` of JSON lines, made when it is needed, unless None."""

    def __init__(self, store: Store, file: Path | None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._file = file
        self._clock = clock

    async def record(self, identity: Identity, client: str, scope: Scope, status: int) -> None:
        """Record a request that was answered with this HTTP status. A log that cannot be written stops no request."""
        entry = AuditEntry(self._clock(), identity.name, client, scope["method"], scope["path"], status)
        await run_in_threadpool(self._write, entry)

    def _write(self, entry: AuditEntry) -> None:
        try:
            if self._file is not None:
                _append(self._file, json.dumps(entry._asdict()))
            self._store.add_audit_entry(entry)
        except (OSError, StorageError) as error:
            LOGGER.error("the audit log cannot be written: %s; entry: %s", error, entry)


def _append(file: Path, line: str) -> None:
    """Append a line by one write: those of several processes do not mix."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)
