"""The HTML pages. They name what they show, and their scripts fetch it from the service."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.templating import Jinja2Templates

from dashboard.access import Access
from dashboard.api import Archived, Number, Reading
from dashboard.identity import identity
from nas.service.tokens import Right

templates = Jinja2Templates(Path(__file__).with_name("templates"))
router = APIRouter(include_in_schema=False)
MAX_COMPARED = 3
Trials = Annotated[list[int], Query(max_length=MAX_COMPARED)]
Studies = Annotated[list[str], Query(max_length=MAX_COMPARED)]


def _page(request: Request, template: str, status: int = 200, **values: object) -> Response:
    access: Access = request.app.state.access
    identified = identity(request)
    known = {
        "may_write": identified.right >= Right.WRITE,
        "signed_in": not access.is_open and identified.right is not Right.NOTHING,
        "person": identified.name,
    }
    return templates.TemplateResponse(request, template, {**known, **values}, status)


@router.get("/")
def studies(request: Request, reading: Reading, archived: Archived = False) -> Response:
    summaries = [snapshot.summary for snapshot in reading.snapshots.all()]
    listed = [summary for summary in summaries if archived or not summary["archived"]]
    return _page(
        request,
        "studies.html",
        studies=listed,
        lists_archived=archived,
        has_archived=any(summary["archived"] for summary in summaries),
    )


@router.get("/signin")
def sign_in(request: Request) -> Response:
    return _page(request, "signin.html")


@router.get("/new")
def new(request: Request) -> Response:
    return _page(request, "new.html")


@router.get("/compare")
def compare_studies(request: Request, reading: Reading, study: Studies) -> Response:
    for name in study:
        reading.snapshots.of(name)
    return _page(request, "compare_studies.html", names=study)


@router.get("/studies/{name:path}/compare")
def compare_trials(request: Request, reading: Reading, name: str, trial: Trials) -> Response:
    reading.snapshots.of(name)
    return _page(request, "compare_trials.html", name=name, numbers=trial)


@router.get("/studies/{name:path}/trials/{number}")
def trial(request: Request, reading: Reading, name: str, number: Number) -> Response:
    architecture = reading.snapshots.of(name).trials.trial(number).architecture
    return _page(request, "trial.html", name=name, number=number, layout=architecture.layout)


@router.get("/studies/{name:path}")
def study(request: Request, reading: Reading, name: str) -> Response:
    summary = reading.snapshots.of(name).summary
    may_change = identity(request).may_change(summary["owner"])
    return _page(request, "study.html", name=name, summary=summary, may_change=may_change)


def error_page(request: Request, status: int, message: str) -> Response:
    """Return an error as a page for people; programs get JSON."""
    return _page(request, "error.html", status, message=message)
