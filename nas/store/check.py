"""Checks of a database: every invariant of its studies, row by row."""

from collections import Counter
from collections.abc import Iterator, Sequence, Set
from typing import Any

import optuna
from optuna.trial import TrialState as OptunaState
from sqlalchemy import URL, Connection, Row, Table, select, text

from nas.architecture import Architecture
from nas.errors import NasError
from nas.latency.measured_key import has_own_key
from nas.objective import ACCURACY, Measurement, fingerprint_digest
from nas.results.settings import ComparableSettings
from nas.store import tables
from nas.store.engine import open_engine, open_optuna, parse_url
from nas.store.network_weights import weights_name, weights_prefix
from nas.store.rows import FIRST_TARGET
from nas.store.store import Store
from nas.trial import TrialState

# The state of a trial in Optuna, by its state in our tables.
OPTUNA_STATES = {
    TrialState.RUNNING: OptunaState.RUNNING,
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.STOPPED: OptunaState.PRUNED,
    TrialState.INFEASIBLE: OptunaState.PRUNED,
    TrialState.FAILED: OptunaState.FAIL,
    TrialState.INTERRUPTED: OptunaState.FAIL,
}


def check(storage: str) -> list[str]:
    """List the problems in the database of that URL, a line each.

    Trials that run, or that a killed driver left, are no problem: the next `nas search` recovers them. Raises
    StorageError when the database cannot be read.
    """
    url = parse_url(storage)
    # Raises where the address is wrong, and brings an older schema up to date.
    Store.open(storage, create=False).close()
    problems = _problems(url)
    # A search that writes meanwhile may seem to break an invariant once, between the reads of two tables.
    persistent = set(_problems(url)) if problems else set()
    return [problem for problem in problems if problem in persistent]


def _problems(url: URL) -> list[str]:
    storage = open_optuna(url)
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            problems = [*_file_problems(connection), *_measurement_problems(connection)]
            names = {study._study_id: study.study_name for study in storage.get_all_studies()}
            for study in connection.execute(select(tables.studies).order_by(tables.studies.c.study_id)).all():
                # Our rows of a study that was deleted in Optuna do no harm.
                if study.study_id in names:
                    optuna_trials = storage.get_all_trials(study.study_id, deepcopy=False)
                    name = names[study.study_id]
                    study_problems = _study_problems(connection, study, name, optuna_trials)
                    problems += [f"study {name!r}{problem}" for problem in study_problems]
            return problems
    finally:
        engine.dispose()
        storage.engine.dispose()


def _file_problems(connection: Connection) -> Iterator[str]:
    """Run SQLite's own checks; PostgreSQL enforces its constraints by itself."""
    if connection.dialect.name == "sqlite":
        for (line,) in connection.execute(text("PRAGMA integrity_check")):
            if line != "ok":
                yield f"file: {line}"
        for row in connection.execute(text("PRAGMA foreign_key_check")):
            yield f"table {row[0]}: row {row[1]} refers to a row of {row[2]} that is not there"


def _measurement_problems(connection: Connection) -> Iterator[str]:
    ours = tables.measurements
    for row in connection.execute(select(ours)):
        where = f"measurement {row.measurement_id}"
        try:
            measurement = Measurement.from_dict(row._asdict())
            architecture = Architecture.from_dict(row.architecture) if row.architecture is not None else None
        except (KeyError, TypeError, ValueError, NasError) as error:
            yield f"{where}: cannot be read ({error})"
            continue
        if not measurement.samples or min(measurement.samples) <= 0:
            yield f"{where}: has no sample, or one that is not above 0"
        elif row._mapping[ours.c.count] != measurement.count or not _is_close(row.median, measurement.median):
            yield f"{where}: count and median are not those of its samples"
        if row.digest != fingerprint_digest(measurement.fingerprint):
            yield f"{where}: its digest is not its fingerprint's"
        if architecture is not None and architecture.key != row.key and has_own_key(architecture):
            yield f"{where}: its key is not its architecture's"


def _is_close(median: float, expected: float) -> bool:
    return abs(median - expected) <= 1e-9 * expected


def _study_problems(
    connection: Connection, study: Row[Any], name: str, optuna_trials: Sequence[optuna.trial.FrozenTrial]
) -> Iterator[str]:
    """Yield the rest of each problem's line, after the study's name."""
    ours = tables.trials
    of_study = ours.c.study_id == study.study_id
    curves = _by_trial(connection, tables.curve_points, of_study)
    confirmations = _by_trial(connection, tables.confirmations, of_study)
    measured = _by_trial(
        connection,
        tables.trial_measurements,
        of_study,
        tables.measurements,
    )
    in_optuna = {trial.number: trial for trial in optuna_trials}
    settings = ComparableSettings(study.settings)
    trials = connection.execute(select(ours).where(of_study).order_by(ours.c.number)).all()
    for row in trials:
        problems = [
            *_trial_problems(row, settings, curves.get(row.trial_id, []), measured.get(row.trial_id, [])),
            *_confirmation_problems(row, confirmations.get(row.trial_id, [])),
            *_optuna_problems(row, settings, in_optuna.pop(row.number, None)),
        ]
        if row.state == TrialState.RUNNING and study.driver is None:
            problems.append("it is running and nobody drives the study")
        for problem in problems:
            yield f", trial {row.number}: {problem}"
    tested = {
        trial_id
        for trial_id, further in confirmations.items()
        if any(confirmation.test_accuracy is not None for confirmation in further)
    }
    yield from _weights_problems(connection, name, trials, tested)
    claimed = Counter(row.key for row in trials if row.state != TrialState.INTERRUPTED)
    for key, count in claimed.items():
        if count > 1:
            yield f": architecture {key} is recorded {count} times"
    for number, trial in in_optuna.items():
        if trial.state is OptunaState.COMPLETE and "answered_from" not in trial.user_attrs:
            yield f", trial {number}: Optuna has a result of it and we have none"
        if trial.state is OptunaState.RUNNING and study.driver is None:
            yield f", trial {number}: Optuna has it running and nobody drives the study"


def _by_trial(
    connection: Connection, details: Table, of_study: Any, joined: Table | None = None
) -> dict[int, list[Any]]:
    source = details.join(tables.trials, tables.trials.c.trial_id == details.c.trial_id)
    columns = [details]
    if joined is not None:
        source = source.join(joined)
        columns.append(joined)
    rows: dict[int, list[Any]] = {}
    for row in connection.execute(select(*columns).select_from(source).where(of_study)):
        rows.setdefault(row.trial_id, []).append(row)
    return rows


def _trial_problems(
    row: Row[Any], settings: ComparableSettings, curve: Sequence[Row[Any]], measured: Sequence[Row[Any]]
) -> Iterator[str]:
    try:
        key = Architecture.from_dict(row.architecture).key
        state = TrialState(row.state)
    except (KeyError, TypeError, ValueError, NasError) as error:
        yield f"it cannot be read ({error})"
        return
    if key != row.key:
        yield "its key is not its architecture's"
    if (row.finished_at is None) != (state is TrialState.RUNNING):
        yield f"it is {state} and its time of finishing says otherwise"
    if state is TrialState.COMPLETE and row.accuracy is None:
        yield "it is complete without an accuracy"
    if state is not TrialState.COMPLETE and row.accuracy is not None:
        yield f"it is {state} and has an accuracy"
    if row.accuracy is not None and not 0 <= row.accuracy <= 1:
        yield f"its accuracy {row.accuracy} is not between 0 and 1"
    if state in (TrialState.FAILED, TrialState.INTERRUPTED) and row.failure_cause is None:
        yield f"it is {state} without a cause"
    epochs = sorted(point.epoch for point in curve)
    if epochs != list(range(1, len(epochs) + 1)):
        yield f"its learning curve has the epochs {epochs}"
    elif state is TrialState.COMPLETE and curve and max(curve, key=lambda point: point.epoch).accuracy != row.accuracy:
        yield "its accuracy is not the last of its learning curve"
    for measurement in measured:
        # Its own key may be another one (nas.latency.measured_key).
        if measurement.key != row.key and (measurement.architecture or {}) != row.architecture:
            yield f"measurement {measurement.measurement_id} is of another architecture"
    latencies_ms = [measurement.median for measurement in measured if measurement.target == FIRST_TARGET]
    if state is TrialState.COMPLETE and not latencies_ms:
        yield "it is complete without a latency"
    limit = settings.limits.max_latency_ms
    judged = state in (TrialState.COMPLETE, TrialState.STOPPED, TrialState.INFEASIBLE)
    if judged and latencies_ms and limit is not None and (latencies_ms[0] > limit) != (state is TrialState.INFEASIBLE):
        yield f"it is {state} at {latencies_ms[0]:g} ms with a limit of {limit:g} ms"


def _confirmation_problems(row: Row[Any], confirmations: Sequence[Row[Any]]) -> Iterator[str]:
    if confirmations and row.state != TrialState.COMPLETE:
        yield f"it is {row.state} and has confirmations"
    seeds = [row.seed, *(confirmation.seed for confirmation in confirmations)]
    if len(set(seeds)) < len(seeds):
        yield "two of its trainings had the same seed"
    for confirmation in confirmations:
        which = f"its confirmation with seed {confirmation.seed}"
        if (confirmation.accuracy is None) == (confirmation.failure_cause is None):
            yield f"{which} has neither an accuracy nor a failure, or both"
        if not _is_fidelity(confirmation.images, confirmation.epochs):
            yield f"{which} has {confirmation.images} images and {confirmation.epochs} epochs"
        for name in ("accuracy", "test_accuracy"):
            value = confirmation._mapping[name]
            if value is not None and not 0 <= value <= 1:
                yield f"{which} has the {name} {value}, which is not between 0 and 1"
        if confirmation.test_accuracy is not None and (confirmation.accuracy is None or confirmation.images is None):
            yield f"{which} was tested, and is no longer training with an accuracy"


def _is_fidelity(images: int | None, epochs: int | None) -> bool:
    """Whether both are the extent of a longer training, or both are missing, as of a training like the trial's."""
    return images is epochs is None or (images is not None and epochs is not None and images > 0 and epochs > 0)


def _weights_problems(connection: Connection, name: str, trials: Sequence[Row[Any]], tested: Set[int]) -> Iterator[str]:
    """Yield the problems of the weights of a study's networks; `tested` are the ids of trials that were tested."""
    ours = tables.artifacts.c
    query = select(ours.name, ours.details).where(ours.name.startswith(weights_prefix(name), autoescape=True))
    details = {row.name: row.details for row in connection.execute(query)}
    for row in trials:
        weights = details.get(weights_name(name, row.number))
        if weights is None and row.trial_id in tested:
            yield f", trial {row.number}: it was tested and its weights are not here"
        if weights is not None and weights.get("key") != row.key:
            yield f", trial {row.number}: its weights are of another architecture"


def _optuna_problems(
    row: Row[Any], settings: ComparableSettings, trial: optuna.trial.FrozenTrial | None
) -> Iterator[str]:
    if trial is None:
        yield "Optuna does not know it"
        return
    if trial.user_attrs.get("key", row.key) != row.key:
        yield "Optuna has another architecture under its number"
    if row.state not in OPTUNA_STATES:
        return
    if trial.state is not OPTUNA_STATES[row.state]:
        # The driver was killed after writing our row and before Optuna's: the next start repairs that.
        if trial.state is not OptunaState.RUNNING:
            yield f"it is {row.state} here and {trial.state.name.lower()} in Optuna"
    elif row.state == TrialState.COMPLETE and trial.values is not None:
        names = [objective.name for objective in settings.objectives]
        if dict(zip(names, trial.values, strict=True)).get("accuracy", row.accuracy) != row.accuracy:
            yield "Optuna has another accuracy"
        min_accuracy = settings.limits.min_accuracy
        if min_accuracy is not None and trial.constraints.get(ACCURACY.name) != min_accuracy - row.accuracy:
            yield f"Optuna has another distance of its accuracy from the least one, {min_accuracy:g}"
