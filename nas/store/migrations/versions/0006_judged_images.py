"""A learning curve's points say on how many pictures each was judged, which differs within a training."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("nas_curve_points", sa.Column("images", sa.Integer))


def downgrade() -> None:
    op.drop_column("nas_curve_points", "images")
