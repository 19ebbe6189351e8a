"""The service's reading half: studies, trials, fronts, measurements and exports, under /api/v1."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dashboard import downloads
from dashboard.detail import detail, measured
from dashboard.events import stream
from dashboard.snapshot import Snapshots
from nas.errors import UserError
from nas.service import schemas
from nas.store.engine import open_optuna, parse_url
from nas.store.store import Store
from nas.study.status import status

JSON = "application/json"
# Trials have numbers that fit a database's integer.
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Limit = Annotated[float | None, Query(gt=0, description="Leave out what is slower, in ms.", allow_inf_nan=False)]
After = Annotated[str | None, Query(max_length=64, description="The revision of an earlier answer.")]
Most = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | None, Query(max_length=32, description="An architecture's key.")]


class Reader:
    """What requests read from."""

    def __init__(self, store: Store, storage: str) -> None:
        self.store = store
        self.storage = storage
        self.snapshots = Snapshots(store)


def reader(request: Request) -> Reader:
    found: Reader = request.app.state.reader
    return found


Reading = Annotated[Reader, Depends(reader)]
router = APIRouter(prefix="/api/v1", tags=["studies"])


@router.get("/studies")
def studies(reading: Reading) -> list[schemas.StudySummary]:
    """Every study, the newest first."""
    return [each.summary for each in reading.snapshots.all()]


@router.get("/measurements")
def measurements(reading: Reading, key: Key = None, most: Most = 100) -> list[schemas.Measured]:
    """Latencies on record, the newest first."""
    return [measured(each.measurement, {}) for each in reading.store.measurements(key=key, limit=most)]


@router.get("/studies/{name:path}/trials/{number}/export/{form}", response_class=Response)
def export_trial(reading: Reading, name: str, number: Number, form: str) -> Response:
    """One architecture as a file, folders as a ZIP file: the formats of `nas export`."""
    return _file(downloads.of_trial(reading.snapshots.of(name), number, form))


@router.get("/studies/{name:path}/export/{form}", response_class=Response)
def export_study(reading: Reading, name: str, form: str) -> Response:
    """The whole study as a file: `table` is what `nas simulate` reads."""
    return _file(downloads.of_study(reading.snapshots.of(name), form))


@router.get("/studies/{name:path}/trials/{number}")
def trial(reading: Reading, name: str, number: Number) -> schemas.TrialDetail:
    """One trial in full."""
    return detail(reading.store, reading.snapshots.of(name), number)


@router.get("/studies/{name:path}/trials", response_model=schemas.Trials)
def trials(reading: Reading, name: str, after: After = None) -> Response:
    """All trials, or those that changed after a revision."""
    return Response(reading.snapshots.of(name).trials.json(after), media_type=JSON)


@router.get("/studies/{name:path}/front", response_model=schemas.Front)
def front(reading: Reading, name: str, max_latency_ms: Limit = None) -> Response:
    """The Pareto front, the cheapest first."""
    found = reading.snapshots.of(name).trials
    return Response(found.front_json if max_latency_ms is None else found.front_within(max_latency_ms), media_type=JSON)


@router.get("/studies/{name:path}/history", response_model=schemas.History)
def history(reading: Reading, name: str) -> Response:
    """The hypervolume, over trials and hours."""
    return Response(reading.snapshots.of(name).trials.history_json, media_type=JSON)


@router.get("/studies/{name:path}/events", response_class=StreamingResponse)
def events(reading: Reading, name: str) -> StreamingResponse:
    """The study's summary now and whenever it changes, as server-sent events named `study`."""
    snapshots = reading.snapshots
    snapshots.of(name)
    return stream("study", lambda: snapshots.of(name).summary)


@router.post("/studies/{name:path}/stop", status_code=202)
def stop(reading: Reading, name: str) -> schemas.StudySummary:
    """Ask the search that drives the study to stop, as Ctrl-C does: within seconds, wherever it runs."""
    found = reading.snapshots.of(name)
    if found.status.driver is None:
        raise UserError(f"study {name!r} is not being searched")
    reading.store.ask_to_stop(found.status.record.study_id, time.time())
    return found.summary


@router.get("/studies/{name:path}")
def study(reading: Reading, name: str) -> schemas.StudySummary:
    """One study."""
    return reading.snapshots.of(name).summary


@router.delete("/studies/{name:path}", status_code=204)
def delete(reading: Reading, name: str) -> None:
    """Remove a study that is not being searched, with its trials. Measurements stay on record."""
    record = reading.snapshots.of(name).status.record
    # As it is now: a snapshot is of a moment ago.
    if status(reading.store, record, time.time()).driver is not None:
        raise UserError(f"study {name!r} is being searched: stop it first")
    # Optuna's half first: a study that has lost ours is not listed, and could not be removed here.
    optunas = open_optuna(parse_url(reading.storage), max_wait_s=0.0)
    try:
        optunas.delete_study(record.study_id)
    finally:
        optunas.engine.dispose()
    reading.store.remove_study(record.study_id)
    reading.snapshots.forget()


def _file(download: downloads.Download) -> Response:
    disposition = f'attachment; filename="{download.name}"'
    return Response(
        download.content, media_type="application/octet-stream", headers={"Content-Disposition": disposition}
    )
