"""Add the image URL, the date of sale and the evidence of the label to photos."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_COLUMNS = ("image_url", "source_date", "label_evidence")


def upgrade() -> None:
    """Add three texts to each photo, empty by default."""
    for name in _COLUMNS:
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("photos", column)
