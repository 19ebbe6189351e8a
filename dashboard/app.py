"""The web application: pages and service over a store, Optuna's dashboard under /optuna/, Prometheus metrics."""

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

from dashboard import api, assets, audit, pages, searches, session
from dashboard.access import Access
from dashboard.api import Reader
from dashboard.audit import AuditLog
from dashboard.guard import Guard
from dashboard.guesses import Guesses
from dashboard.launcher import Launcher
from dashboard.metrics import StudiesCollector
from dashboard.optuna_app import PREFIX, optuna_app
from dashboard.roots import Roots
from nas.errors import NasError, StorageError, UnknownNameError
from nas.store.store import Store

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServerSettings:
    """Settings of the server: who has access, the folder for searches' logs, the folders that requests may name, the
    audit log's file of JSON lines.
    """

    access: Access
    searches: Path = Path("nas-searches")
    roots: Sequence[Path] = field(default_factory=tuple)
    audit_file: Path | None = None


def create_app(store: Store, storage: str, settings: ServerSettings, clock: Callable[[], float] = time.time) -> FastAPI:
    """Create the application over an open store whose URL is `storage`. The caller closes the store."""
    app = FastAPI(title="Hybrid NAS", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json")
    app.state.access = settings.access
    app.state.reader = Reader(store, storage)
    app.state.launcher = Launcher(settings.searches, storage, clock)
    app.state.roots = Roots(settings.roots)
    app.add_middleware(GZipMiddleware, minimum_size=2048, compresslevel=4)
    app.state.guesses = guesses = Guesses()
    audit_log = AuditLog(store, settings.audit_file, clock)
    app.add_middleware(Guard, access=settings.access, guesses=guesses, audit_log=audit_log)
    _handle_errors(app)

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
    for module in (session, searches, api, audit, pages):
        app.include_router(module.router)
    # Optuna's application reads the storage itself, and is only reachable through the guard.
    app.mount(PREFIX, WSGIMiddleware(optuna_app(storage)))  # type: ignore[arg-type]
    return app


def _handle_errors(app: FastAPI) -> None:
    def respond(request: Request, status: int, message: str) -> Response:
        if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"detail": message}, status)
        return pages.error_page(request, status, message)

    @app.exception_handler(NasError)
    async def refused(request: Request, error: NasError) -> Response:
        if isinstance(error, StorageError):
            # Its message has internals: paths, hosts, the database's own text.
            LOGGER.error("%s", error)
            return respond(request, 503, "the database or the disk is not available at the moment")
        return respond(request, 404 if isinstance(error, UnknownNameError) else 422, str(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        field_path = ".".join(str(part) for part in first["loc"] if part != "body")
        return respond(request, 422, f"{field_path}: {first['msg']}")

    @app.exception_handler(StarletteHTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return respond(request, error.status_code, str(error.detail))

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        LOGGER.error("%s %s", request.method, request.url.path, exc_info=error)
        return respond(request, 500, "internal error: see the server's log")
