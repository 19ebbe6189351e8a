"""Studies can be archived, and have notes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("nas_studies", sa.Column("archived_at", sa.Float))
    op.add_column("nas_studies", sa.Column("note", sa.Text))


def downgrade() -> None:
    op.drop_column("nas_studies", "note")
    op.drop_column("nas_studies", "archived_at")
