"""The web server of `nas dashboard`."""

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

# Event streams do not end by themselves; they are cut this long after the process is asked to stop.
GRACE_S = 3
# Longer than the pauses of a client that polls: a request on a connection that is being closed fails.
KEEP_ALIVE_S = 75
# A response passes between threads several times, and each time waits this long for one that computes a study.
SWITCH_S = 0.0005


def serve(storage: str, host: str, port: int, searches: Path, roots: Sequence[Path]) -> None:
    """Serve until the process is asked to stop.

    Raises ParameterError for a host or port that cannot be bound, StorageError for an unusable database.
    """
    allowed = access(host, os.environ)
    sys.setswitchinterval(SWITCH_S)
    # Without retries, a request fails at once when the database is away, and does not block a thread of the server.
    with Store.open(storage, create=True, max_wait_s=0.0) as store:
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
            # uvicorn has printed the reason.
            raise ParameterError(f"--host {host!r} --port {port}: cannot listen there") from error
