"""One trial in full: its config, costs by stage, measurements, learning curves and neighbouring trials."""

from collections.abc import Iterator, Mapping
from shlex import quote

from dashboard.snapshot import Snapshot
from dashboard.view import extent, trial_row
from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import NasError
from nas.exports.config import config_of
from nas.latency.measured_key import measured_key
from nas.objective import QUANTILES, Measurement, fingerprint_digest
from nas.results.ladder import Ladder
from nas.results.settings import ComparableSettings
from nas.service import schemas
from nas.store.store import Store
from nas.trial import Confirmation, Outcome, Trial

# Only the newest measurements of a network are shown.
MAX_MEASUREMENTS = 50


def detail(store: Store, snapshot: Snapshot, number: int) -> schemas.TrialDetail:
    """Return a trial in full. Raises UnknownNameError if the study has no such trial."""
    trial = snapshot.trials.trial(number)
    record = snapshot.status.record
    result = next((result for result in snapshot.trials.results if result.trial.number == number), None)
    outcome = trial.outcome or Outcome()
    return {
        "trial": trial_row(trial, record.settings),
        "metric": record.settings.metric,
        "measure": record.settings.metric_label,
        "config": None if result is None else config_of(result, record).to_dict(),
        "stage_costs": stage_costs(trial.architecture, record.settings.latency_input),
        "measurements": _measurements(store, trial, record.settings),
        "curves": list(_curves(trial, record.settings.ladder)),
        "neighbours": list(_neighbours(snapshot, trial)),
        "formats": [] if result is None else plugins.names(plugins.EXPORTERS),
        "retrain": None
        if result is None
        else f"nas retrain {download_name(record.name, number)}.yaml --dataset {quote(record.settings.dataset)} "
        f"--output {download_name(record.name, number)}",
        "environment": dict(outcome.environment),
    }


def download_name(study: str, number: int | None = None) -> str:
    """Return the name of a download, without characters that file systems or headers refuse."""
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in study)
    return (safe.strip("-") or "study") + ("" if number is None else f"-{number}")


def stage_costs(architecture: Architecture, model_input: ModelInput) -> list[schemas.StageCost] | None:
    """Return the costs of each stage; None if a plug-in that the network needs is not installed here."""
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    try:
        parts = [builder.part_cost(architecture, index, model_input) for index in range(len(architecture.stages))]
    except NasError:
        return None
    return [{"parameters": part.parameters, "macs": part.macs} for part in parts]


def _measurements(store: Store, trial: Trial, settings: ComparableSettings) -> list[schemas.Measured]:
    names = {fingerprint_digest(fingerprint): name for name, fingerprint in settings.fingerprints.items()}
    rows = store.measurements(key=measured_key(trial.architecture), limit=MAX_MEASUREMENTS)
    return [measurement_row(row.measurement, names) for row in rows]


def measurement_row(measurement: Measurement, names: Mapping[str, str]) -> schemas.Measured:
    """Return a measurement as the service shows it. `names` maps the digests of fingerprints to targets."""
    return {
        "target": names.get(fingerprint_digest(measurement.fingerprint)),
        "metric": measurement.metric,
        "unit": measurement.unit,
        "median": measurement.median,
        "interval": list(measurement.interval),
        "quantiles": {f"p{q * 100:g}": measurement.quantile(q) for q in QUANTILES},
        "samples": list(measurement.samples),
        "thrown": measurement.discarded,
        "drift": measurement.drift,
        "is_precise": measurement.is_precise,
        "taken_at": measurement.taken_at,
        "fingerprint": dict(measurement.fingerprint),
    }


def _curves(trial: Trial, ladder: Ladder | None) -> Iterator[schemas.Curve]:
    own = [Confirmation(trial.seed, trial.outcome)] if trial.outcome is not None else []
    for training in (*own, *trial.confirmations):
        curve = training.outcome.curve
        if curve:
            yield {
                "seed": training.seed,
                "fidelity": extent(training.fidelity),
                "is_target": ladder is not None and training.fidelity == ladder.target,
                "accuracy": [point.accuracy for point in curve],
                "loss": [point.loss for point in curve],
                "images": [point.images for point in curve],
            }


def _neighbours(snapshot: Snapshot, trial: Trial) -> Iterator[schemas.Neighbour]:
    """Yield the finished trials whose architecture differs in a single choice."""
    for number, other in snapshot.trials.by_number.items():
        if not other.state.is_done or number == trial.number:
            continue
        choice = _only_difference(trial.architecture, other.architecture)
        if choice is not None:
            stage, _, field = choice.removeprefix("stage").partition(".")
            yield {
                "trial": trial_row(other, snapshot.status.record.settings),
                "stage": int(stage),
                "field": field,
                "here": trial.architecture.choices[choice],
                "there": other.architecture.choices[choice],
            }


def _only_difference(one: Architecture, other: Architecture) -> str | None:
    """Return the name of the only choice in which two architectures differ; None if none or several differ."""
    if one.recipe != other.recipe or len(one.stages) != len(other.stages):
        return None
    # Comparing stages is cheap and rules out most trials, before all choices are listed.
    if sum(here != there for here, there in zip(one.stages, other.stages, strict=True)) != 1:
        return None
    theirs = other.choices
    differing = [name for name, here in one.choices.items() if here != theirs[name]]
    return differing[0] if len(differing) == 1 else None
