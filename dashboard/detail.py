"""One architecture in full: its config, costs by stage, measurements, learning curves and what was tried next to it."""

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from dashboard.snapshot import Snapshot
from dashboard.view import shown_trial
from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import NasError
from nas.export.config import config_of
from nas.objective import QUANTILES, Measurement, fingerprint_digest
from nas.service import schemas
from nas.store.store import Store
from nas.trial import Outcome, Trial, fingerprints

# More measurements of one network are not shown.
MAX_MEASUREMENTS = 50


def detail(store: Store, snapshot: Snapshot, number: int) -> schemas.TrialDetail:
    """Raises UnknownNameError when the study has no such trial."""
    trial = snapshot.trials.one(number)
    record = snapshot.status.record
    result = next((each for each in snapshot.trials.results if each.trial.number == number), None)
    outcome = trial.outcome or Outcome()
    return {
        "trial": shown_trial(trial, record.settings),
        "config": None if result is None else config_of(result, record).to_dict(),
        "stage_costs": stage_costs(trial.architecture, ModelInput.from_dict(record.settings["latency_input"])),
        "measurements": _measurements(store, trial, record.settings),
        "curves": list(_curves(trial)),
        "neighbours": list(_neighbours(snapshot, trial)),
        "formats": [] if result is None else plugins.names(plugins.EXPORTERS),
        "retrain": None
        if result is None
        else f"nas retrain {download_name(record.name, number)}.yaml --dataset {quote(record.settings['dataset'])} "
        f"--output {download_name(record.name, number)}",
        "environment": dict(outcome.environment),
    }


def download_name(study: str, number: int | None = None) -> str:
    """What a file of the study is called, without what file systems and headers do not take."""
    safe = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_") else "-" for letter in study)
    return (safe.strip("-") or "study") + ("" if number is None else f"-{number}")


def stage_costs(architecture: Architecture, model_input: ModelInput) -> list[schemas.StageCost] | None:
    """The share of each stage; None of a network that cannot be built here, for want of a plug-in."""
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    try:
        parts = [builder.part_cost(architecture, index, model_input) for index in range(len(architecture.stages))]
    except NasError:
        return None
    return [{"parameters": part.parameters, "macs": part.macs} for part in parts]


def _measurements(store: Store, trial: Trial, settings: Mapping[str, Any]) -> list[schemas.Measured]:
    names = {fingerprint_digest(fingerprint): name for name, fingerprint in fingerprints(settings).items()}
    found = store.measurements(key=trial.architecture.key, limit=MAX_MEASUREMENTS)
    return [measured(each.measurement, names) for each in found]


def measured(taken: Measurement, names: Mapping[str, str]) -> schemas.Measured:
    """A measurement; `names` are those of targets, by their fingerprints' digests."""
    return {
        "target": names.get(fingerprint_digest(taken.fingerprint)),
        "metric": taken.metric,
        "unit": taken.unit,
        "median": taken.median,
        "interval": list(taken.interval),
        "quantiles": {f"p{q * 100:g}": taken.quantile(q) for q in QUANTILES},
        "samples": list(taken.samples),
        "thrown": taken.discarded,
        "drift": taken.drift,
        "is_precise": taken.is_precise,
        "taken_at": taken.taken_at,
        "fingerprint": dict(taken.fingerprint),
    }


def _curves(trial: Trial) -> Iterator[schemas.Curve]:
    own = [(trial.seed, trial.outcome)] if trial.outcome is not None else []
    for seed, outcome in (*own, *((each.seed, each.outcome) for each in trial.confirmations)):
        if outcome.curve:
            yield {
                "seed": seed,
                "accuracy": [point.accuracy for point in outcome.curve],
                "loss": [point.loss for point in outcome.curve],
            }


def _neighbours(snapshot: Snapshot, trial: Trial) -> Iterator[schemas.Neighbour]:
    """Trials of architectures that differ in a single choice."""
    for number, other in snapshot.trials.by_number.items():
        if not other.state.is_done or number == trial.number:
            continue
        place = _only_difference(trial.architecture, other.architecture)
        if place is not None:
            stage, _, field = place.removeprefix("stage").partition(".")
            yield {
                "trial": shown_trial(other, snapshot.status.record.settings),
                "stage": int(stage),
                "field": field,
                "here": trial.architecture.choices[place],
                "there": other.architecture.choices[place],
            }


def _only_difference(one: Architecture, other: Architecture) -> str | None:
    """The one choice in which they differ, by its name; None where there are more or none."""
    if one.recipe != other.recipe or len(one.stages) != len(other.stages):
        return None
    # Most trials are told apart without spelling anything.
    if sum(here != there for here, there in zip(one.stages, other.stages, strict=True)) != 1:
        return None
    theirs = other.choices
    places = [name for name, here in one.choices.items() if here != theirs[name]]
    return places[0] if len(places) == 1 else None
