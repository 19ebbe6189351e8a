"""Routes of the service that read: studies, trials, fronts, measurements and exports, under /api/v1."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from dashboard import downloads
from dashboard.detail import detail, measurement_row
from dashboard.events import stream
from dashboard.identity import Identified, check_owner
from dashboard.snapshot import Snapshots
from nas.errors import UserError
from nas.results.limits import Limits
from nas.service import schemas
from nas.store.engine import open_optuna, parse_url
from nas.store.store import Store
from nas.study.status import status

JSON = "application/json"
# Trial numbers fit a database integer.
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Limit = Annotated[float | None, Query(gt=0, description="Leave out slower trials, in ms.", allow_inf_nan=False)]
LeastAccuracy = Annotated[float | None, Query(gt=0, lt=1, description="Leave out less accurate trials.")]
After = Annotated[str | None, Query(max_length=64, description="The revision of an earlier response.")]
MaxRows = Annotated[int, Query(ge=1, le=1000)]
Key = Annotated[str | None, Query(max_length=32, description="An architecture's key.")]


class Reader:
    """The store and the snapshots that requests read from."""

    def __init__(self, store: Store, storage: str) -> None:
        self.store = store
        self.storage = storage
        self.snapshots = Snapshots(store)


def reader(request: Request) -> Reader:
    """Return the application's reader."""
    instance: Reader = request.app.state.reader
    return instance


Reading = Annotated[Reader, Depends(reader)]
router = APIRouter(prefix="/api/v1", tags=["studies"])


@router.get("/studies")
def studies(reading: Reading) -> list[schemas.StudySummary]:
    """List all studies, newest first."""
    return [snapshot.summary for snapshot in reading.snapshots.all()]


@router.get("/measurements")
def measurements(reading: Reading, key: Key = None, most: MaxRows = 100) -> list[schemas.Measured]:
    """List recorded latency measurements, newest first."""
    return [measurement_row(row.measurement, {}) for row in reading.store.measurements(key=key, limit=most)]


@router.get("/studies/{name:path}/trials/{number}/export/{form}", response_class=Response)
def export_trial(reading: Reading, name: str, number: Number, form: str) -> Response:
    """Export one architecture as a file, folders as a ZIP file, in the formats of `nas export`."""
    return _file(downloads.of_trial(reading.storage, reading.snapshots.of(name), number, form))


@router.get("/studies/{name:path}/export/{form}", response_class=Response)
def export_study(reading: Reading, name: str, form: str) -> Response:
    """Export the whole study as a file. `nas simulate` reads the format `table`."""
    return _file(downloads.of_study(reading.snapshots.of(name), form))


@router.get("/studies/{name:path}/trials/{number}")
def trial(reading: Reading, name: str, number: Number) -> schemas.TrialDetail:
    """Return one trial in full."""
    return detail(reading.store, reading.snapshots.of(name), number)


@router.get("/studies/{name:path}/trials", response_model=schemas.Trials)
def trials(reading: Reading, name: str, after: After = None) -> Response:
    """Return all trials, or those that changed after a revision."""
    return Response(reading.snapshots.of(name).trials.json(after), media_type=JSON)


@router.get("/studies/{name:path}/front", response_model=schemas.Front)
def front(reading: Reading, name: str, max_latency_ms: Limit = None, min_accuracy: LeastAccuracy = None) -> Response:
    """Return the Pareto front, cheapest first."""
    trials = reading.snapshots.of(name).trials
    limits = Limits(max_latency_ms, min_accuracy)
    content = trials.front_json if limits == Limits() else trials.front_within(limits)
    return Response(content, media_type=JSON)


@router.get("/studies/{name:path}/history", response_model=schemas.History)
def history(reading: Reading, name: str) -> Response:
    """Return the hypervolume over trials and hours."""
    return Response(reading.snapshots.of(name).trials.history_json, media_type=JSON)


@router.get("/studies/{name:path}/fidelity", response_model=schemas.Fidelities)
def fidelity(reading: Reading, name: str) -> Response:
    """Return what short trainings were worth, by rung of the study's ladder."""
    return Response(reading.snapshots.of(name).trials.fidelity_json, media_type=JSON)


@router.get("/studies/{name:path}/events", response_class=StreamingResponse)
def events(reading: Reading, name: str) -> StreamingResponse:
    """Stream the study's summary now and whenever it changes, as server-sent events named `study`."""
    snapshots = reading.snapshots
    snapshots.of(name)
    return stream("study", lambda: snapshots.of(name).summary)


@router.post("/studies/{name:path}/stop", status_code=202)
def stop(reading: Reading, identified: Identified, name: str) -> schemas.StudySummary:
    """Ask the search that drives the study to stop, as Ctrl-C does. It stops within seconds, wherever it runs."""
    snapshot = reading.snapshots.of(name)
    check_owner(identified, snapshot.status.record.owner, f"study {name!r}")
    if snapshot.status.driver is None:
        raise UserError(f"study {name!r} is not being searched")
    reading.store.ask_to_stop(snapshot.status.record.study_id, time.time())
    return snapshot.summary


@router.get("/studies/{name:path}")
def study(reading: Reading, name: str) -> schemas.StudySummary:
    """Return one study."""
    return reading.snapshots.of(name).summary


@router.delete("/studies/{name:path}", status_code=204)
def delete(reading: Reading, identified: Identified, name: str) -> None:
    """Remove a study that is not being searched, with its trials and their weights. Its measurements are kept."""
    record = reading.snapshots.of(name).status.record
    check_owner(identified, record.owner, f"study {name!r}")
    # The current status: a snapshot is up to a second old.
    if status(reading.store, record, time.time()).driver is not None:
        raise UserError(f"study {name!r} is being searched: stop it first")
    # Optuna's records go first: a study without ours is not listed and could not be removed here any more.
    optuna_storage = open_optuna(parse_url(reading.storage), max_wait_s=0.0)
    try:
        optuna_storage.delete_study(record.study_id)
    finally:
        optuna_storage.engine.dispose()
    reading.store.remove_study(record)
    reading.snapshots.invalidate_cache()


def _file(download: downloads.Download) -> Response:
    disposition = f'attachment; filename="{download.name}"'
    return Response(
        download.content, media_type="application/octet-stream", headers={"Content-Disposition": disposition}
    )
