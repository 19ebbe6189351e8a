"""Routes of the service that read: studies, trials, fronts, measurements and exports, under /api/v1."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from dashboard import downloads
from dashboard.detail import detail, measurement_row
from dashboard.events import stream
from dashboard.identity import Identified, check_owner
from dashboard.snapshot import Snapshots
from nas.errors import UserError
from nas.results.limits import Limits
from nas.service import schemas
from nas.store.store import Store, StudyRecord
from nas.study import curation

JSON = "application/json"
# Trial numbers fit a database integer.
Number = Annotated[int, Path(ge=0, le=2**31 - 1)]
Limit = Annotated[float | None, Query(gt=0, description="Leave out slower trials, in ms.", allow_inf_nan=False)]
LeastAccuracy = Annotated[float | None, Query(gt=0, lt=1, description="Leave out less accurate trials.")]
After = Annotated[str | None, Query(max_length=64, description="The revision of an earlier response.")]
MaxRows = Annotated[int, Query(ge=1, le=1000)]
Archived = Annotated[bool, Query(description="List archived studies too.")]
Key = Annotated[str | None, Query(max_length=32, description="An architecture's key.")]


class StudyChanges(BaseModel):
    """Changes of a study; what is None stays. An empty note removes it."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(None, max_length=512)
    archived: bool | None = None
    note: str | None = Field(None, max_length=10_000, pattern=r"^[^\x00]*$")


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
def studies(reading: Reading, archived: Archived = False) -> list[schemas.StudySummary]:
    """List the studies that are not archived, newest first."""
    summaries = [snapshot.summary for snapshot in reading.snapshots.all()]
    return [summary for summary in summaries if archived or not summary["archived"]]


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


@router.patch("/studies/{name:path}")
def change(reading: Reading, identified: Identified, name: str, changes: StudyChanges) -> schemas.StudySummary:
    """Rename a study, archive it or bring it back, put a note on it. While it is searched, notes alone."""
    record = _changeable(reading, identified, name)
    if changes.name is not None:
        curation.rename(reading.store, record, changes.name)
    if changes.archived is not None:
        curation.archive(reading.store, record, time.time() if changes.archived else None)
    if changes.note is not None:
        reading.store.put_note(record.study_id, changes.note.strip())
    reading.snapshots.invalidate_cache()
    return reading.snapshots.of(changes.name or name).summary


@router.delete("/studies/{name:path}", status_code=204)
def delete(reading: Reading, identified: Identified, name: str) -> None:
    """Remove a study that is not being searched, with its trials, their weights, and the supernet and baselines that no
    other study uses. Its measurements are kept.
    """
    record = _changeable(reading, identified, name)
    curation.delete(reading.store, reading.storage, record)
    reading.snapshots.invalidate_cache()


def _changeable(reading: Reader, identified: Identified, name: str) -> StudyRecord:
    """Return a study's record. Raises HTTPException 403 where it is somebody else's."""
    record = reading.snapshots.of(name).status.record
    check_owner(identified, record.owner, f"study {name!r}")
    return record


def _file(download: downloads.Download) -> Response:
    disposition = f'attachment; filename="{download.name}"'
    return Response(
        download.content, media_type="application/octet-stream", headers={"Content-Disposition": disposition}
    )
