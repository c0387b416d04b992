"""Catalogs with the tables of older programs."""

import sqlite3
from contextlib import closing
from pathlib import Path

_SINCE_0002 = ("image_url", "source_date", "label_evidence")


def take_back(path: Path, revision: str) -> None:
    """Give the file of a catalog the tables of an older revision, 0001 or 0002."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ' PRIMARY KEY AUTOINCREMENT', "
            "' PRIMARY KEY')"
        )
        raw.execute("DELETE FROM sqlite_master WHERE name = 'sqlite_sequence'")
        raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    with closing(sqlite3.connect(path)) as raw, raw:
        if revision == "0001":
            for name in _SINCE_0002:
                raw.execute(f"ALTER TABLE photos DROP COLUMN {name}")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("VACUUM")
