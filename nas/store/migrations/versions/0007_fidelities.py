"""Further trainings may be longer than a study's trials: their images and epochs, and accuracies on the test part."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("nas_confirmations", sa.Column("images", sa.Integer))
    op.add_column("nas_confirmations", sa.Column("epochs", sa.Integer))
    op.add_column("nas_confirmations", sa.Column("test_accuracy", sa.Float))


def downgrade() -> None:
    op.drop_column("nas_confirmations", "test_accuracy")
    op.drop_column("nas_confirmations", "epochs")
    op.drop_column("nas_confirmations", "images")
