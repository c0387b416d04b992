"""The catalog as one object, and how it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, select, text

from coin_core.catalog.database import Database, connect, find_url, refuse_lost
from coin_core.catalog.edits import Edits
from coin_core.catalog.file_store import Originals
from coin_core.catalog.photos import Photos
from coin_core.catalog.predictions import Predictions
from coin_core.catalog.queries import Queries
from coin_core.catalog.records import Problem
from coin_core.catalog.reviews import Reviews
from coin_core.catalog.schema import Checked, PhotoRow, Row
from coin_core.catalog.shared_originals import SharedOriginals
from coin_core.errors import CatalogError
from coin_core.object_store import shared_store
from coin_core.storage import data_dir


class Catalog:
    """Coins, photos, faces, labels, provenance and edits.

    Threads and processes may share a catalog: writers take turns, and no write is
    lost.

    Attributes:
        database: Transactions on the tables.
        photos_dir: The folder of the original files, unless a store keeps them.
        photos: Photos with their files, faces and coins.
        edits: Changes by users, with history, undo and redo.
        reviews: Decisions of reviewers and how far they agree.
        predictions: What classifiers predict for photos.
        queries: Lists, counts and queues of photos.
    """

    def __init__(self, database: Database, originals: Originals, folder: Path) -> None:
        self.database = database
        self.photos_dir = folder
        self.photos = Photos(database, originals)
        self.edits = Edits(database)
        self.reviews = Reviews(database)
        self.predictions = Predictions(database)
        self.queries = Queries(database, self.photos)

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
                sentences += _damaged_rows(connection)
        return [
            *(Problem(kind="database", sentence=sentence) for sentence in sentences),
            *self.photos.originals.compare(self._read_sizes, digests=digests),
        ]

    def _read_sizes(self) -> dict[str, int]:
        """The size in bytes of each original, by the name of its file."""
        query = select(PhotoRow.sha256, PhotoRow.extension, PhotoRow.byte_size)
        with self.database.reading() as connection:
            rows = connection.execute(query)
            return {f"{digest}.{extension}": size for digest, extension, size in rows}


def _damaged_rows(connection: Connection) -> Iterator[str]:
    """A sentence for each row with a value that its column cannot have."""
    for table in Row.metadata.sorted_tables:
        types = {
            column.name: column.type.dialect_impl(connection.dialect)
            for column in table.columns
            if isinstance(column.type, Checked)
        }
        readers = {
            name: read
            for name, kind in types.items()
            if (read := kind.result_processor(connection.dialect, None)) is not None
        }
        for row in connection.execute(text(f'SELECT * FROM "{table.name}"')).mappings():
            for name, read in readers.items():
                try:
                    read(row[name])
                except CatalogError as error:
                    yield f"Row {row['id']} of {table.name}: {error}"


def open_catalog(url: str | None = None, *, photos_dir: Path | None = None) -> Catalog:
    """Open the catalog; create it if needed and bring its tables up to date.

    Args:
        url: Address of the database; by default COIN_DATABASE_URL, or catalog.sqlite
            in the data folder.
        photos_dir: Folder of the original files; by default the store that
            COIN_STORAGE_URL names, or photos/ in the data folder.

    Raises:
        CatalogError: The database is damaged, lost, busy, newer than the program, or
            not writable. The message says what to do; the file is not changed.
    """
    address = find_url(url)
    store = shared_store() if photos_dir is None else None
    photos_dir = photos_dir or data_dir().resolve() / "photos"
    originals = Originals(photos_dir)
    if store is not None:
        cache = data_dir().resolve() / "cache" / "originals"
        originals = SharedOriginals(store, cache)
    refuse_lost(address, originals)
    database = Database(connect(address))
    if isinstance(originals, SharedOriginals) and not database.is_sqlite:
        originals.take_turns(database)
    catalog = Catalog(database, originals, photos_dir)
    catalog.database.back_up_daily()
    catalog.photos.sweep()
    return catalog
