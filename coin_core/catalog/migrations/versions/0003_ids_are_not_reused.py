"""Never give an id of a coin, a photo or an import again; PostgreSQL never does.

SQLite gives the id of the newest row, once that is removed, to the next one, unless the
table keeps the highest id. Such a table is made anew, with the rows of the old one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TABLES = ("coins", "photos", "imports")
_HAS_COUNTERS = sa.text("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
_COUNTERS = sa.text("SELECT name, seq FROM sqlite_sequence")
_FORGET = sa.text("DELETE FROM sqlite_sequence WHERE name = :name")


def upgrade() -> None:
    """Make the tables anew where they are in SQLite.

    Foreign keys must be off: dropping the old table would delete what refers to it.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    if connection.scalar(sa.text("PRAGMA foreign_keys")):
        raise RuntimeError("Foreign keys are on.")
    known = {}
    # A backup that was put back knows the ids that were given after it was made.
    if connection.scalar(_HAS_COUNTERS):
        known = {row.name: row.seq for row in connection.execute(_COUNTERS)}
    for name in _TABLES:
        options = {"sqlite_autoincrement": True}
        with op.batch_alter_table(name, recreate="always", table_kwargs=options):
            pass
        connection.execute(_FORGET, {"name": name})
        count = sa.text(
            "INSERT INTO sqlite_sequence (name, seq) "
            f"SELECT :name, max(:known, coalesce(max(id), 0)) FROM {name}"
        )
        connection.execute(count, {"name": name, "known": known.get(name, 0)})
