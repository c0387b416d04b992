"""The catalog as one object, and how it is opened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select, text

from coin_core.catalog.database import Database, connect, find_url
from coin_core.catalog.edits import Edits
from coin_core.catalog.photos import Photos
from coin_core.catalog.predictions import Predictions
from coin_core.catalog.queries import Queries
from coin_core.catalog.records import Problem
from coin_core.catalog.reviews import Reviews
from coin_core.catalog.schema import PhotoRow
from coin_core.storage import data_dir


class Catalog:
    """Coins, photos, faces, labels, provenance and edits.

    Threads and processes may share a catalog: writers take turns, and no write is
    lost.

    Attributes:
        database: Transactions on the tables.
        photos: Photos with their files, faces and coins.
        edits: Changes by users, with history, undo and redo.
        reviews: Decisions of reviewers and how far they agree.
        predictions: What classifiers predict for photos.
        queries: Lists, counts and queues of photos.
    """

    def __init__(self, database: Database, photos_dir: Path) -> None:
        self.database = database
        self.photos = Photos(database, photos_dir)
        self.edits = Edits(database)
        self.reviews = Reviews(database)
        self.predictions = Predictions(database)
        self.queries = Queries(database, self.photos)

    @property
    def photos_dir(self) -> Path:
        """The folder of the original files."""
        return self.photos.folder

    def close(self) -> None:
        """Release all connections; the catalog can still be used."""
        self.database.close()

    def check(self, *, digests: bool = False) -> list[Problem]:
        """Find files without a photo, photos without a file, and a damaged database.

        Args:
            digests: Also read every original file and compare its sha256.
        """
        self.photos.sweep()
        sentences: list[str] = []
        with self.database.reading() as connection:
            if self.database.is_sqlite:
                for row in connection.execute(text("PRAGMA integrity_check")):
                    if row[0] != "ok":
                        sentences.append(f"The database: {row[0]}.")
                for row in connection.execute(text("PRAGMA foreign_key_check")):
                    sentences.append(f"A row of {row[0]} points nowhere.")
            rows = connection.execute(
                select(PhotoRow.sha256, PhotoRow.extension, PhotoRow.byte_size)
            )
            sizes = {f"{digest}.{extension}": size for digest, extension, size in rows}
        return [
            *(Problem(kind="database", sentence=sentence) for sentence in sentences),
            *self.photos.originals.compare(sizes, digests=digests),
        ]


def open_catalog(url: str | None = None, *, photos_dir: Path | None = None) -> Catalog:
    """Open the catalog; create it if needed and bring its tables up to date.

    Args:
        url: Address of the database; by default COIN_DATABASE_URL, or catalog.sqlite
            in the data folder.
        photos_dir: Folder of the original files; by default photos/ in the data
            folder.

    Raises:
        CatalogError: The database is damaged, busy, newer than the program, or not
            writable. The message says what to do; the file is not changed.
    """
    database = Database(connect(find_url(url)))
    catalog = Catalog(database, photos_dir or data_dir().resolve() / "photos")
    catalog.photos.sweep()
    return catalog
