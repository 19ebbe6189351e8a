"""Our tables, beside Optuna's in the same database; every name begins with `nas_`.

`nas_studies.study_id` and `nas_trials.number` are Optuna's. Times are seconds since 1970, in UTC.
"""

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from nas.trial import TrialState

metadata = MetaData()

# Optuna's own table, of which only the two columns that name a study are used.
optuna_studies = table("studies", column("study_id"), column("study_name"))

studies = Table(
    "nas_studies",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("settings", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("driver", JSON),
    Column("stop_asked_at", Float),
    Column("owner", String(64)),
    Column("archived_at", Float),
    Column("note", Text),
)

audit_log = Table(
    "nas_audit_log",
    metadata,
    Column("entry_id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("person", String(64)),
    Column("address", String(64), nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", Text, nullable=False),
    Column("status", Integer, nullable=False),
)

environments = Table(
    "nas_environments",
    metadata,
    Column("digest", String(32), primary_key=True),
    Column("details", JSON, nullable=False),
)

trials = Table(
    "nas_trials",
    metadata,
    Column("trial_id", Integer, primary_key=True),
    Column("study_id", ForeignKey("nas_studies.study_id", ondelete="CASCADE"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("key", String(32), nullable=False),
    Column("architecture", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("accuracy", Float),
    Column("parameters", Integer),
    Column("costs", JSON),
    Column("train_s", Float),
    Column("measure_s", Float),
    Column("failure_cause", String(64)),
    Column("failure_message", Text),
    Column("environment", ForeignKey("nas_environments.digest")),
    UniqueConstraint("study_id", "number"),
)
# The database itself ensures that a study has an architecture at most once, running or done.
_claimed = trials.c.state != TrialState.INTERRUPTED.value
Index(
    "nas_trials_once",
    trials.c.study_id,
    trials.c.key,
    unique=True,
    sqlite_where=_claimed,
    postgresql_where=_claimed,
)

curve_points = Table(
    "nas_curve_points",
    metadata,
    Column("trial_id", ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("accuracy", Float, nullable=False),
    Column("loss", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("images", Integer),
)

confirmations = Table(
    "nas_confirmations",
    metadata,
    Column("confirmation_id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), nullable=False),
    Column("seed", Integer, nullable=False),
    # The extent of a training that is not the study's own.
    Column("images", Integer),
    Column("epochs", Integer),
    Column("accuracy", Float),
    Column("test_accuracy", Float),
    Column("curve", JSON, nullable=False),
    Column("latency", JSON),
    Column("latencies", JSON),
    Column("train_s", Float, nullable=False),
    Column("measure_s", Float, nullable=False),
    Column("failure_cause", String(64)),
    Column("failure_message", Text),
    Column("environment", ForeignKey("nas_environments.digest")),
    Column("finished_at", Float, nullable=False),
    UniqueConstraint("trial_id", "seed"),
)

# One row for each occasion on which an architecture (or the reference network) was measured on a target.
measurements = Table(
    "nas_measurements",
    metadata,
    Column("measurement_id", Integer, primary_key=True),
    Column("key", String(32), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("architecture", JSON),
    Column("metric", String(32), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("count", Integer, nullable=False),
    Column("median", Float, nullable=False),
    Column("iqr", Float, nullable=False),
    Column("quantiles", JSON, nullable=False),
    Column("samples", JSON, nullable=False),
    Column("fingerprint", JSON, nullable=False),
    Column("thrown", Integer, nullable=False, server_default="0"),
    Column("margin", Float, nullable=False, server_default="1"),
    Column("precision", Float, nullable=False, server_default="1"),
    Column("drift", Float, nullable=False, server_default="0"),
    Column("taken_at", Float, nullable=False),
    UniqueConstraint("key", "digest", "metric", "taken_at", name="nas_measurements_once"),
)

# The measurements of a trial's outcome, whether taken for it or for an earlier study; the first target is "".
trial_measurements = Table(
    "nas_trial_measurements",
    metadata,
    Column("trial_id", ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), primary_key=True),
    Column("target", String(128), primary_key=True),
    Column("measurement_id", ForeignKey("nas_measurements.measurement_id"), nullable=False),
)

# The errors of a target's latency model over a space, a row for each `nas latency profile`.
profiles = Table(
    "nas_profiles",
    metadata,
    Column("profile_id", Integer, primary_key=True),
    Column("space", String(64), nullable=False),
    Column("space_key", String(32), nullable=False),
    Column("digest", String(32), nullable=False),
    Column("fingerprint", JSON, nullable=False),
    Column("errors", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

# Rank correlations of accuracies after an epoch with final ones, a row for each epoch and check of a search.
rank_checks = Table(
    "nas_audits",
    metadata,
    Column("audit_id", Integer, primary_key=True),
    Column("study_id", ForeignKey("nas_studies.study_id", ondelete="CASCADE"), nullable=False),
    Column("done", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("tau", Float, nullable=False),
    Column("taken_at", Float, nullable=False),
)

# Results that took long to make and belong to no trial, such as supernets.
artifacts = Table(
    "nas_artifacts",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("details", JSON, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("updated_at", Float, nullable=False),
)
