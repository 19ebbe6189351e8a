"""The web server of `nas dashboard`."""

import os
import sys

import click
import uvicorn

from dashboard.access import access
from dashboard.app import ServerSettings, create_app
from dashboard.audit import FILE
from dashboard.proxies import Proxies
from nas.errors import ParameterError
from nas.service.server import ServerOptions
from nas.store.store import Store

# Event streams do not end by themselves; they are cut this long after the process is asked to stop.
GRACE_S = 3
# Longer than the pauses of a client that polls: a request on a connection that is being closed fails.
KEEP_ALIVE_S = 75
# A response passes between threads several times, and each time waits this long for one that computes a study.
SWITCH_S = 0.0005


def serve(storage: str, options: ServerOptions) -> None:
    """Serve until the process is asked to stop.

    Raises ParameterError for a host or port that cannot be bound, and for options that would let in anybody,
    StorageError for an unusable database.
    """
    host, port = options.host, options.port
    proxies = Proxies(options.trusted_proxies, options.user_header, options.proxy_right)
    allowed = access(host, os.environ, options.tokens, proxies)
    sys.setswitchinterval(SWITCH_S)
    # Without retries, a request fails at once when the database is away, and does not block a thread of the server.
    with Store.open(storage, create=True, max_wait_s=0.0) as store:
        searches = options.searches.resolve()
        app = create_app(store, storage, ServerSettings(allowed, searches, options.roots, searches / FILE))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                server_header=False,
                # It would believe whoever connects from this machine; the guard believes --trusted-proxy.
                proxy_headers=False,
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
