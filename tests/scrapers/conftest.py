"""Sites with a referee, and clients quick enough for a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from coin_core.catalog import Catalog, open_catalog
from coin_core.storage import data_dir
from scrapers.http_client import PoliteClient
from scrapers.rate_limiter import RateLimiter
from tests.scrapers.fake_sites import CONTACT, FakeSite


@pytest.fixture(scope="session")
def made_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog; making one takes longer than copying it."""
    folder = tmp_path_factory.mktemp("made")
    path = folder / "catalog.sqlite"
    open_catalog(f"sqlite:///{path}", photos_dir=folder / "photos").close()
    return path


@pytest.fixture
def catalog(made_catalog: Path) -> Iterator[Catalog]:
    """The catalog of this installation, empty."""
    folder = data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(made_catalog, folder / "catalog.sqlite")
    opened = open_catalog()
    yield opened
    opened.close()


@pytest.fixture
def site() -> Iterator[Callable[..., FakeSite]]:
    """Open sites; all are closed, and their referees heard, when the test ends."""
    opened: list[FakeSite] = []

    def open_site(*args: Any, **kwargs: Any) -> FakeSite:
        opened.append(FakeSite(*args, **kwargs))
        return opened[-1]

    yield open_site
    for one in opened:
        one.close()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Callable[..., PoliteClient]]:
    """A client for some sites, with their short pause."""
    opened: list[PoliteClient] = []

    def open_client(*sites: FakeSite, **kwargs: Any) -> PoliteClient:
        pauses = {one.origin: one.pause_s for one in sites}
        given: dict[str, Any] = {
            "contact": CONTACT,
            "origins": frozenset(pauses),
            "rate_limiter": RateLimiter(tmp_path / "hosts", pauses),
            "backoff_s": (0.01, 0.02),
            **kwargs,
        }
        opened.append(PoliteClient(**given))
        return opened[-1]

    yield open_client
    for one in opened:
        one.close()
