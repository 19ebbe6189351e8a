"""The web application: studies and their pages, Optuna's dashboard under /optuna/, figures for Prometheus."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.templating import Jinja2Templates
from optuna_dashboard import wsgi
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from dashboard import front_page
from dashboard.access import Access
from dashboard.metrics import StudiesCollector
from nas.errors import StorageError, UnknownNameError
from nas.front import results
from nas.status import status
from nas.store.engine import open_optuna, parse_url
from nas.store.store import Store

templates = Jinja2Templates(Path(__file__).with_name("templates"))


def create_app(store: Store, storage: str, access: Access, clock: Callable[[], float] = time.time) -> FastAPI:
    """The application over an open store whose URL is `storage`. The caller closes the store."""
    app = FastAPI(title="Hybrid NAS", docs_url=None, redoc_url=None, openapi_url=None)
    registry = CollectorRegistry()
    registry.register(StudiesCollector(store, clock))

    @app.middleware("http")
    async def guard(request: Request, following: Callable[[Request], Awaitable[Response]]) -> Response:
        # The health check tells nothing, and whoever asks for it has no token.
        if request.url.path != "/healthz" and not access.allows(request.headers.get("authorization", "")):
            return PlainTextResponse("a token is needed\n", 401, {"WWW-Authenticate": 'Basic realm="nas"'})
        return await following(request)

    @app.exception_handler(UnknownNameError)
    async def unknown(request: Request, error: UnknownNameError) -> Response:
        return PlainTextResponse(f"{error}\n", 404)

    @app.exception_handler(StorageError)
    async def broken(request: Request, error: StorageError) -> Response:
        return PlainTextResponse("the database cannot be read at the moment\n", 503)

    @app.get("/healthz")
    def healthy() -> Response:
        store.studies()
        return PlainTextResponse("ok\n")

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @app.get("/")
    def studies(request: Request) -> Response:
        listed = [status(store, record, clock()) for record in store.studies()]
        return templates.TemplateResponse(request, "studies.html", {"studies": listed})

    @app.get("/studies/{name:path}")
    def study(name: str) -> Response:
        record = store.study(name)
        return HTMLResponse(front_page.render(record, results(store.trials(record.study_id), record.settings)))

    # Optuna's application asks the storage itself; it is only read through this one's guard.
    optunas = wsgi(open_optuna(parse_url(storage)))
    app.mount("/optuna", WSGIMiddleware(optunas))  # type: ignore[arg-type]
    return app
