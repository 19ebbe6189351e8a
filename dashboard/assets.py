"""Files that pages load: plotly.js as the plotly package ships it, and an icon."""

import gzip
from functools import cache
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response

router = APIRouter(include_in_schema=False)


@router.get("/static/plotly.min.js")
def plotly(request: Request) -> Response:
    """Serve plotly.js, compressed once since it is five megabytes."""
    headers = {"Cache-Control": "max-age=86400", "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_compressed(), media_type="text/javascript", headers={**headers, "Content-Encoding": "gzip"})
    return Response(gzip.decompress(_compressed()), media_type="text/javascript", headers=headers)


@router.get("/favicon.ico")
def icon() -> Response:
    """Serve the icon to pages that name none, as Optuna's do."""
    return Response(Path(__file__).with_name("static").joinpath("icon.svg").read_bytes(), media_type="image/svg+xml")


@cache
def _compressed() -> bytes:
    return gzip.compress(files("plotly").joinpath("package_data", "plotly.min.js").read_bytes(), 6)
