"""Measurements belong to an architecture and a target; trials refer to them, so that later studies may too."""

import sqlalchemy as sa
from alembic import op

from nas.objective import fingerprint_digest

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    old = sa.table(
        "nas_measurements", *map(sa.column, ("measurement_id", "trial_id")), sa.column("fingerprint", sa.JSON)
    )
    trials = sa.table("nas_trials", *map(sa.column, ("trial_id", "key")), sa.column("architecture", sa.JSON))
    connection = op.get_bind()
    found = connection.execute(
        sa.select(old, trials.c.key, trials.c.architecture).join(trials, trials.c.trial_id == old.c.trial_id)
    ).all()
    for column in (
        sa.Column("key", sa.String(32)),
        sa.Column("digest", sa.String(32)),
        sa.Column("architecture", sa.JSON),
        sa.Column("thrown", sa.Integer, nullable=False, server_default="0"),
        sa.Column("margin", sa.Float, nullable=False, server_default="1"),
        sa.Column("precision", sa.Float, nullable=False, server_default="1"),
        sa.Column("drift", sa.Float, nullable=False, server_default="0"),
    ):
        op.add_column("nas_measurements", column)
    new = sa.table(
        "nas_measurements", *map(sa.column, ("measurement_id", "key", "digest")), sa.column("architecture", sa.JSON)
    )
    for row in found:
        connection.execute(
            sa.update(new)
            .where(new.c.measurement_id == row.measurement_id)
            .values(key=row.key, digest=fingerprint_digest(row.fingerprint), architecture=row.architecture)
        )
    op.add_column("nas_trials", sa.Column("costs", sa.JSON))
    op.drop_index("ix_nas_measurements_trial_id", "nas_measurements")
    with op.batch_alter_table("nas_measurements") as batch:
        batch.drop_column("trial_id")
        batch.alter_column("key", nullable=False, existing_type=sa.String(32))
        batch.alter_column("digest", nullable=False, existing_type=sa.String(32))
        batch.create_unique_constraint("nas_measurements_once", ["key", "digest", "metric", "taken_at"])
    op.create_table(
        "nas_trial_measurements",
        sa.Column("trial_id", sa.Integer, sa.ForeignKey("nas_trials.trial_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("target", sa.String(128), primary_key=True),
        sa.Column("measurement_id", sa.Integer, sa.ForeignKey("nas_measurements.measurement_id"), nullable=False),
    )
    link = sa.table("nas_trial_measurements", *map(sa.column, ("trial_id", "target", "measurement_id")))
    for row in found:
        connection.execute(sa.insert(link).values(trial_id=row.trial_id, target="", measurement_id=row.measurement_id))
    op.create_table(
        "nas_profiles",
        sa.Column("profile_id", sa.Integer, primary_key=True),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("space_key", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.JSON, nullable=False),
        sa.Column("errors", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    raise NotImplementedError("measurements of no trial have no place in schema 0001")
