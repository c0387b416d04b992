"""The catalog as one object, and how it is opened."""

from __future__ import annotations

from pathlib import Path

from coin_core.catalog._queries import Queries
from coin_core.catalog.database import connect, find_url
from coin_core.model_store.bundle import data_dir


class Catalog(Queries):
    """Coins, photos, faces, labels, provenance and edits.

    Threads and processes may share a catalog: writers take turns, and nothing that
    was written is lost.
    """


def open_catalog(url: str | None = None, *, photos_dir: Path | None = None) -> Catalog:
    """Open the catalog, make it if there is none, and bring its tables up to date.

    Args:
        url: By default COIN_DATABASE_URL, or catalog.sqlite in the data folder.
        photos_dir: By default photos/ in the data folder.

    Raises:
        CatalogError: It is damaged, busy, newer than the program, or may not be
            written; the message says what to do, and the file is left as it is.
    """
    engine = connect(find_url(url))
    catalog = Catalog(engine, photos_dir or data_dir().resolve() / "photos")
    catalog.sweep()
    return catalog
