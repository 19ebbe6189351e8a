"""Serving the web application, from `nas dashboard`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click
import uvicorn

from dashboard.access import access
from dashboard.app import ServerSettings, create_app
from nas.errors import ParameterError
from nas.store.store import Store

# Streams of events have no end of their own; they are cut when the process is told to end.
GRACE_S = 3
# Longer than a client that looks every few seconds is silent: one that asks while its connection is being closed fails.
KEEP_ALIVE_S = 75
# An answer passes from thread to thread several times, and each time waits so long for one that works out a study.
SWITCH_S = 0.0005


def serve(storage: str, host: str, port: int, searches: Path, roots: Sequence[Path]) -> None:
    """Serve until the process is told to end.

    Raises ParameterError for a host or port that cannot be served at, StorageError for a database of no use.
    """
    allowed = access(host, os.environ)
    sys.setswitchinterval(SWITCH_S)
    # Whoever asks is told at once that the database is away, rather than kept waiting on a thread of the server's.
    with Store.open(storage, create=True, patience_s=0.0) as store:
        app = create_app(store, storage, ServerSettings(allowed, searches.resolve(), roots))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        click.echo(f"serving http://{host}:{port}/")
        try:
            server.run()
        except SystemExit as error:
            # uvicorn has said why in a line of its own.
            raise ParameterError(f"--host {host!r} --port {port}: cannot be served at") from error
