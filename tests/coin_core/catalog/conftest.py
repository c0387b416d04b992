"""A fresh catalog for each test, on SQLite and, where there is one, on PostgreSQL.

COIN_TEST_DATABASE_URL names a PostgreSQL server; each test gets a database of its own
there. Without it those tests are skipped.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)

SERVER = os.environ.get("COIN_TEST_DATABASE_URL")

needs_server = pytest.mark.skipif(
    SERVER is None, reason="COIN_TEST_DATABASE_URL names no PostgreSQL server"
)


KINDS = ["sqlite", pytest.param("postgresql", marks=needs_server)]


def new_name() -> str:
    return f"coins_{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog whose tables are made: copying it is faster."""
    folder = tmp_path_factory.mktemp("template")
    open_catalog(f"sqlite:///{folder}/catalog.sqlite", photos_dir=folder).close()
    return folder / "catalog.sqlite"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The PostgreSQL server, with a template of an empty catalog."""
    opened = Server(str(SERVER))
    yield opened
    opened.close()


class Server:
    """Makes databases on a PostgreSQL server and takes them away again."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self.admin = create_engine(self.url, isolation_level="AUTOCOMMIT")
        self.made: list[str] = []
        self.template: str | None = None

    def run(self, statement: str) -> None:
        with self.admin.connect() as connection:
            connection.execute(text(statement))

    def make(self, *, empty: bool) -> str:
        if not empty and self.template is None:
            folder = Path(tempfile.gettempdir())
            url = self.make(empty=True)
            open_catalog(url, photos_dir=folder / "coins-none").close()
            self.template = self.made[-1]
        name = new_name()
        template = "template1" if empty else self.template
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        self.made.append(name)
        return self.url.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        name = make_url(url).database
        self.run(f"DROP DATABASE {name} WITH (FORCE)")
        self.made.remove(str(name))

    def close(self) -> None:
        for name in self.made:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")
        self.admin.dispose()


@pytest.fixture(params=KINDS)
def empty_database_url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """A database without tables; it is also what COIN_DATABASE_URL names."""
    yield from _lend(request, monkeypatch, tmp_path, empty=True)


@pytest.fixture(params=KINDS)
def database_url(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[str]:
    """The database of an empty catalog; it is also what COIN_DATABASE_URL names."""
    yield from _lend(request, monkeypatch, tmp_path, empty=False)


def _lend(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *,
    empty: bool,
) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path / "database" / "catalog.sqlite"
        path.parent.mkdir()
        if not empty:
            shutil.copy(request.getfixturevalue("sqlite_template"), path)
        monkeypatch.setenv("COIN_DATABASE_URL", f"sqlite:///{path}")
        yield f"sqlite:///{path}"
        return
    server: Server = request.getfixturevalue("server")
    url = server.make(empty=empty)
    monkeypatch.setenv("COIN_DATABASE_URL", url)
    yield url
    server.drop(url)


@pytest.fixture
def catalog(database_url: str) -> Iterator[Catalog]:
    """An empty catalog; its photos lie in the test's own data folder."""
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
            box=RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9), side=Side.LEGEND
        )
        added = catalog.photos.add(
            b"photo %d" % number,
            PhotoRecord(**(fields | record)),  # type: ignore[arg-type]
            [face],
            who="ada",
        )
        return added.photo_id

    return add
