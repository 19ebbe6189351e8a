"""Whoever may write to the database may ask a search to stop, wherever it runs."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("nas_studies", sa.Column("stop_asked_at", sa.Float))


def downgrade() -> None:
    op.drop_column("nas_studies", "stop_asked_at")
