"""The web application: pages and service over a store, Optuna's dashboard under /optuna/, figures for Prometheus."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException as StarletteHTTPException

from dashboard import api, assets, pages, searches, session
from dashboard.access import Access
from dashboard.api import Reader
from dashboard.guard import Guard
from dashboard.launcher import Launcher
from dashboard.metrics import StudiesCollector
from dashboard.optuna_app import PREFIX, optuna_app
from dashboard.roots import Roots
from nas.errors import NasError, StorageError, UnknownNameError
from nas.store.store import Store

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerSettings:
    """How the application serves: to whom, where searches' processes leave their logs, which files they may name."""

    access: Access
    searches: Path = Path("nas-searches")
    roots: Sequence[Path] = field(default_factory=tuple)


def create_app(store: Store, storage: str, serving: ServerSettings, clock: Callable[[], float] = time.time) -> FastAPI:
    """The application over an open store whose URL is `storage`. The caller closes the store."""
    app = FastAPI(title="Hybrid NAS", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.access = serving.access
    app.state.reader = Reader(store, storage)
    app.state.launcher = Launcher(serving.searches, storage, clock)
    app.state.roots = Roots(serving.roots)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)
    app.add_middleware(Guard, access=serving.access)
    _answer_errors(app)

    @app.get("/healthz", include_in_schema=False)
    def healthy() -> Response:
        store.ping()
        return PlainTextResponse("ok\n")

    registry = CollectorRegistry()
    registry.register(StudiesCollector(store, clock))

    @app.get("/metrics", include_in_schema=False)
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    app.include_router(assets.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")), name="static")
    for part in (session, searches, api, pages):
        app.include_router(part.router)
    # Optuna's application asks the storage itself; it is only reached through the guard.
    app.mount(PREFIX, WSGIMiddleware(optuna_app(storage)))  # type: ignore[arg-type]
    return app


def _answer_errors(app: FastAPI) -> None:
    def answer(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"detail": message}, status)
        return pages.error_page(request, status, message)

    @app.exception_handler(NasError)
    async def refused(request: Request, error: NasError) -> Response:
        if isinstance(error, StorageError):
            # Its words are of the machine: paths, hosts, the database's own.
            LOGGER.error("%s", error)
            return answer(request, 503, "the database or the disk cannot be used at the moment")
        return answer(request, 404 if isinstance(error, UnknownNameError) else 422, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "body")
        return answer(request, 422, f"{where}: {first['msg']}")

    @app.exception_handler(StarletteHTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        LOGGER.error("%s %s", request.method, request.url.path, exc_info=error)
        return answer(request, 500, "something broke down; the server's log has it")
