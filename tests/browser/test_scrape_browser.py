"""Gathering from the Dataset page in a real browser, from a museum of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.remote.webelement import WebElement

from coin_core.catalog import PhotoQuery, open_catalog
from tests.browser.conftest import serve_pages
from tests.browser.visit import Visit
from tests.scrapers import museums
from tests.scrapers.fake_sites import CONTACT, FakeSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COINS = 40
SLOW_S = 4.0  # long enough to stop it amid the work, on a busy machine too


@pytest.fixture
def museum() -> Iterator[FakeSite]:
    """A cabinet that takes its time until `answer_quickly`; its referee is heard."""
    opened: list[FakeSite] = []

    def open_site(*args: Any, **kwargs: Any) -> FakeSite:
        opened.append(FakeSite(*args, pause_s=0.0, **kwargs))
        return opened[-1]

    one = museums.ikmk(open_site, count=COINS)
    quick = one.routes["/object"]
    one.routes["/object"] = lambda request: replace(quick(request), delay_s=SLOW_S)
    one.answer_quickly = lambda: one.routes.update({"/object": quick})
    yield one
    one.close()


@pytest.fixture
def app_home(tmp_path: Path) -> Path:
    """The folder of an app of its own."""
    return tmp_path


@pytest.fixture
def app_address(app_home: Path, museum: FakeSite) -> Iterator[str]:
    """An app whose operator has opened the museum, which is on this computer."""
    with serve_pages(app_home) as address:
        yield address


class Gathering(Visit):
    """A visit to the gathering panel."""

    def fill(self, placeholder: str, words: str) -> None:
        def field() -> WebElement | None:
            return next(iter(self.all(f"input[placeholder^='{placeholder}']")), None)

        self.until(field, f"No field {placeholder!r}").send_keys(words, Keys.ENTER)
        self.wait_until_idle()

    def unfold(self, label: str) -> None:
        def summary() -> WebElement | None:
            return next((s for s in self.all("summary") if label in s.text), None)

        self.until(summary, f"Nothing to unfold: {label!r}").click()
        self.wait_until_idle()

    def asks(self, placeholder: str) -> bool:
        return bool(self.all(f"input[placeholder^='{placeholder}']"))


def test_a_museum_is_gathered_stopped_and_gone_on_with(
    browser: Chrome, app_address: str, app_home: Path, museum: FakeSite
) -> None:
    visit = Gathering(browser, app_address)
    visit.open("/Dataset")
    if "The dataset is empty" not in visit.text():
        visit.press("Add photos")
    visit.press("Münzkabinett Berlin")
    visit.unfold("Another cabinet")
    visit.fill("https://ikmk", museum.address)
    visit.fill("Iannaios", "Iannaios")
    if visit.asks("Asked once; press"):
        visit.fill("Asked once; press", CONTACT)
    if visit.asks("Asked once, kept"):
        visit.fill("Asked once, kept", "Anna")
    visit.press("Show the plan")
    visit.see(f"open a session at {museum.address}")
    assert museum.requests == []

    visit.press("Start gathering")
    visit.see("new photos")
    browser.refresh()
    visit.see("Add photos")
    if "The dataset is empty" not in visit.text():
        visit.press("Add photos")
    visit.see(f"{museum.address}, Iannaios")
    visit.press("Stop")
    visit.see("It was stopped by hand.")
    asked = _photos_asked(museum)
    assert 0 < len(asked) < 2 * COINS
    museum.answer_quickly()
    visit.press("Resume")
    visit.see("done.")
    visit.press("Dismiss")

    assert sorted(set(_photos_asked(museum))) == sorted(_photos_asked(museum))
    data = app_home / "data"
    catalog = open_catalog(
        f"sqlite:///{data / 'catalog.sqlite'}", photos_dir=data / "photos"
    )
    gathered = catalog.queries.find(PhotoQuery(source="ikmk"), limit=1).total
    catalog.close()
    assert gathered == len(_photos_asked(museum)) == 2 * COINS


def _photos_asked(museum: FakeSite) -> list[str]:
    return [r.path for r in museum.requests if r.path.startswith("/image/")]
