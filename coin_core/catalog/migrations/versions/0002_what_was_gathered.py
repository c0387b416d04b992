"""Where a gathered photo lay, when it was sold, and what its label rests on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS = ("image_url", "source_date", "label_evidence")


def upgrade() -> None:
    """Three texts for each photo, empty where nothing was told."""
    for name in _COLUMNS:
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("photos", column)
