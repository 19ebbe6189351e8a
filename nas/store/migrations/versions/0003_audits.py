"""How well early accuracies foretell final ones is on record, and what confirmations measured on further targets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("nas_confirmations", sa.Column("latencies", sa.JSON))
    op.create_table(
        "nas_audits",
        sa.Column("audit_id", sa.Integer, primary_key=True),
        sa.Column("study_id", sa.Integer, sa.ForeignKey("nas_studies.study_id", ondelete="CASCADE"), nullable=False),
        sa.Column("done", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("trials", sa.Integer, nullable=False),
        sa.Column("tau", sa.Float, nullable=False),
        sa.Column("taken_at", sa.Float, nullable=False),
    )


def downgrade() -> None:
    op.drop_column("nas_confirmations", "latencies")
    op.drop_table("nas_audits")
