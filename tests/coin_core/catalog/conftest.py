"""A fresh catalog for each test, on SQLite and, where there is one, on PostgreSQL.

COIN_TEST_DATABASE_URL names a PostgreSQL server; each test gets a database of its own
there. Without it those tests are skipped.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator

import pytest

from coin_core.catalog import Catalog, CatalogFace, CropBox, PhotoRecord, Side

SERVER = os.environ.get("COIN_TEST_DATABASE_URL")

needs_server = pytest.mark.skipif(
    SERVER is None, reason="COIN_TEST_DATABASE_URL names no PostgreSQL server"
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_server)])
def database_url(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """An empty database; it is also what COIN_DATABASE_URL names."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('catalog')}/catalog.sqlite"
        monkeypatch.setenv("COIN_DATABASE_URL", url)
        yield url
        return
    from sqlalchemy import create_engine, make_url, text

    server = make_url(str(SERVER)).set(drivername="postgresql+psycopg")
    name = f"coins_{uuid.uuid4().hex[:12]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = server.set(database=name).render_as_string(hide_password=False)
    monkeypatch.setenv("COIN_DATABASE_URL", url)
    yield url
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    """An empty catalog; its photos lie in the test's own data folder."""
    from coin_core.catalog import open_catalog

    opened = open_catalog(database_url)
    yield opened
    opened.close()


@pytest.fixture
def add_photo(catalog: Catalog) -> Callable[..., int]:
    """A function (n, **record fields) -> id of a photo with a legend face."""

    def add(number: int, **record: object) -> int:
        fields: dict[str, object] = {
            "extension": "jpg",
            "width_px": 40,
            "height_px": 30,
            "file_name": f"coin{number}.jpg",
        }
        face = CatalogFace(
            box=CropBox(left=0.1, top=0.1, right=0.9, bottom=0.9), side=Side.LEGEND
        )
        added = catalog.add_photo(
            b"photo %d" % number,
            PhotoRecord(**(fields | record)),  # type: ignore[arg-type]
            [face],
            who="ada",
        )
        return added.photo_id

    return add
