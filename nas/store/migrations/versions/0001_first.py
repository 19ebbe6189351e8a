"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "nas_studies",
        sa.Column("study_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("driver", sa.JSON),
    )
    op.create_table(
        "nas_environments",
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_table(
        "nas_trials",
        sa.Column("trial_id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("nas_studies.study_id", ondelete="CASCADE"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.String(32), nullable=False),
        sa.Column("architecture", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("accuracy", sa.Float),
        sa.Column("parameters", sa.Integer),
        sa.Column("train_s", sa.Float),
        sa.Column("measure_s", sa.Float),
        sa.Column("failure_cause", sa.String(64)),
        sa.Column("failure_message", sa.Text),
        sa.Column("environment", sa.String(32), sa.ForeignKey("nas_environments.digest")),
        sa.UniqueConstraint("study_id", "number"),
    )
    claimed = sa.text("state != 'interrupted'")
    op.create_index(
        "nas_trials_once",
        "nas_trials",
        ["study_id", "key"],
        unique=True,
        sqlite_where=claimed,
        postgresql_where=claimed,
    )
    op.create_table(
        "nas_curve_points",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("accuracy", sa.Float, nullable=False),
        sa.Column("loss", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "nas_confirmations",
        sa.Column("confirmation_id", sa.Integer, primary_key=True),
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), nullable=False),
        sa.Column("seed", sa.Integer, nullable=False),
        sa.Column("accuracy", sa.Float),
        sa.Column("curve", sa.JSON, nullable=False),
        sa.Column("latency", sa.JSON),
        sa.Column("train_s", sa.Float, nullable=False),
        sa.Column("measure_s", sa.Float, nullable=False),
        sa.Column("failure_cause", sa.String(64)),
        sa.Column("failure_message", sa.Text),
        sa.Column("environment", sa.String(32), sa.ForeignKey("nas_environments.digest")),
        sa.Column("finished_at", sa.Float, nullable=False),
        sa.UniqueConstraint("trial_id", "seed"),
    )
    op.create_table(
        "nas_measurements",
        sa.Column("measurement_id", sa.Integer, primary_key=True),
        sa.Column(
            "trial_id", sa.Integer, sa.ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("metric", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(16), nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("median", sa.Float, nullable=False),
        sa.Column("iqr", sa.Float, nullable=False),
        sa.Column("quantiles", sa.JSON, nullable=False),
        sa.Column("samples", sa.JSON, nullable=False),
        sa.Column("fingerprint", sa.JSON, nullable=False),
        sa.Column("taken_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    for name in ("measurements", "confirmations", "curve_points", "trials", "environments", "studies"):
        op.drop_table(f"nas_{name}")
