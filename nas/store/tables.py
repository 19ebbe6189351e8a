"""Our tables, beside Optuna's in the same database; every name begins with `nas_`.

`nas_studies.study_id` and `nas_trials.number` are Optuna's. Times are seconds since 1970, in UTC.
"""

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

from nas.trial import TrialState

metadata = MetaData()

studies = Table(
    "nas_studies",
    metadata,
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("settings", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("driver", JSON),
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
    Column("train_s", Float),
    Column("measure_s", Float),
    Column("failure_cause", String(64)),
    Column("failure_message", Text),
    Column("environment", ForeignKey("nas_environments.digest")),
    UniqueConstraint("study_id", "number"),
)
# The database itself sees to it that an architecture runs or is on record at most once in a study.
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
)

confirmations = Table(
    "nas_confirmations",
    metadata,
    Column("confirmation_id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), nullable=False),
    Column("seed", Integer, nullable=False),
    Column("accuracy", Float),
    Column("curve", JSON, nullable=False),
    Column("latency", JSON),
    Column("train_s", Float, nullable=False),
    Column("measure_s", Float, nullable=False),
    Column("failure_cause", String(64)),
    Column("failure_message", Text),
    Column("environment", ForeignKey("nas_environments.digest")),
    Column("finished_at", Float, nullable=False),
    UniqueConstraint("trial_id", "seed"),
)

measurements = Table(
    "nas_measurements",
    metadata,
    Column("measurement_id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), nullable=False, index=True),
    Column("metric", String(32), nullable=False),
    Column("unit", String(16), nullable=False),
    Column("count", Integer, nullable=False),
    Column("median", Float, nullable=False),
    Column("iqr", Float, nullable=False),
    Column("quantiles", JSON, nullable=False),
    Column("samples", JSON, nullable=False),
    Column("fingerprint", JSON, nullable=False),
    Column("taken_at", Float, nullable=False),
)
