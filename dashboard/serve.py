"""Serving the web application, from `nas dashboard`."""

import os

import uvicorn

from dashboard.access import access
from dashboard.app import create_app
from nas.errors import ParameterError
from nas.store.store import Store


def serve(storage: str, host: str, port: int) -> None:
    """Serve until the process is told to end.

    Raises ParameterError for a host or port that cannot be served at, StorageError for a database of no use.
    """
    allowed = access(host, os.environ)
    with Store.open(storage, create=True) as store:
        server = uvicorn.Server(
            uvicorn.Config(create_app(store, storage, allowed), host=host, port=port, log_level="warning")
        )
        try:
            server.run()
        except SystemExit as error:
            # uvicorn has said why in a line of its own.
            raise ParameterError(f"--host {host!r} --port {port}: cannot be served at") from error
