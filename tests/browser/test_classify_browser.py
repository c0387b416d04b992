"""A visit to the Classify page in a real browser, with the shipped classifiers."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from coin_core.rendering import render_coin
from ui.classify.demo import DEMO_COINS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_S = 90


class Visit:
    """What a person does on the page; fails on any exception that it shows."""

    def __init__(self, chrome: Chrome, address: str) -> None:
        self.chrome = chrome
        self.address = address

    def open(self, path: str) -> None:
        self.chrome.get(self.address + path)
        self.settle()

    def all(self, selector: str) -> list[WebElement]:
        return self.chrome.find_elements(By.CSS_SELECTOR, selector)

    def text(self) -> str:
        return self.chrome.find_element(By.CSS_SELECTOR, '[data-testid="stMain"]').text

    def until(self, ready: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.no_exception()
            # What was just found may be drawn anew before it is looked at.
            with suppress(StaleElementReferenceException):
                if found := ready():
                    return found
            time.sleep(0.2)
        pytest.fail(f"{what} within {PATIENCE_S} s; the page reads:\n{self.text()}")

    def settle(self) -> None:
        """Wait until the page is drawn and nothing is being worked out."""
        calm = 0

        def still() -> bool:
            nonlocal calm
            idle = self.all('[data-test-script-state="notRunning"]') and self.all("h1")
            calm = calm + 1 if idle and not self.all('[data-testid="stSpinner"]') else 0
            return calm >= 4

        self.until(still, "The page did not come to rest")

    def no_exception(self) -> None:
        shown = [e.text for e in self.all('[data-testid="stException"]')]
        assert not shown, shown

    def see(self, words: str) -> None:
        self.until(lambda: words in self.text(), f"{words!r} was not shown")

    def press(self, label: str) -> None:
        def button() -> WebElement | None:
            # An icon's name stands before the words.
            return next((b for b in self.all("button") if b.text.endswith(label)), None)

        found = self.until(button, f"There was no button {label!r}")
        self.chrome.execute_script(
            "arguments[0].scrollIntoView({block: 'center'}); arguments[0].click()",
            found,
        )
        self.settle()

    def choose_classifier(self, title: str) -> None:
        def name() -> str | None:
            names = (button.text for button in self.all("button"))
            return next((text for text in names if title in text), None)

        self.press(self.until(name, f"There was no classifier {title!r}"))

    def drop(self, *files: Path) -> None:
        (uploader,) = self.all('[data-testid="stFileUploader"] input[type=file]')
        uploader.send_keys("\n".join(str(file) for file in files))
        self.see("kept while you are here")
        self.settle()

    def go_to(self, page: str) -> None:
        link = next(
            a
            for a in self.all('[data-testid="stSidebarNavLink"]')
            if (a.get_attribute("href") or "").rstrip("/").endswith(page)
        )
        link.click()
        self.settle()


@pytest.fixture
def visit(browser: Chrome, app_address: str) -> Visit:
    return Visit(browser, app_address)


@pytest.fixture
def photos(tmp_path: Path) -> dict[str, Path]:
    """One coin, both sides of one, and a file that is no photo at all."""
    legend = render_coin(2026, 1, size_px=240).image
    other = render_coin(2026, 2, size_px=240, kind="cornucopia").image
    files = {
        "one": tmp_path / "locus 12.png",
        "both": tmp_path / "locus 13, both sides.jpg",
        "broken": tmp_path / "notes.jpg",
    }
    Image.fromarray(legend).save(files["one"])
    Image.fromarray(np.hstack([other, legend])).save(files["both"], quality=92)
    files["broken"].write_bytes(b"a shopping list")
    return files


def test_home_opens_and_leads_to_classify(visit: Visit) -> None:
    visit.open("/")
    visit.see("John Hyrcanus I")
    visit.go_to("/Classify")
    visit.see("Whose coin is it?")


def test_a_visit_from_drop_to_download(
    visit: Visit, photos: dict[str, Path], downloads: Path
) -> None:
    visit.open("/Classify")
    visit.drop(photos["one"])
    visit.see("How the classifiers agree")
    visit.see("The nearest known coins")
    assert visit.all(".coin-sentence")

    visit.drop(photos["broken"], photos["both"])
    visit.see("notes.jpg is")
    visit.see("2 photos")

    for title in ("VGG", "ResNet"):
        visit.choose_classifier(title)
        assert visit.all(".coin-sentence")

    visit.press("Download CSV")
    table = visit.until(lambda: list(downloads.glob("*.csv")), "No CSV came")[0]
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == [photos["one"].name, photos["both"].name]

    visit.go_to("")
    visit.see("The three names")
    visit.go_to("/Classify")
    visit.see("2 photos kept while you are here")
    assert visit.all(".coin-sentence")

    visit.press("Clear all")
    visit.see("No photo at hand?")


def test_a_photo_too_large_to_send_is_named_and_the_others_are_answered(
    visit: Visit, photos: dict[str, Path], tmp_path: Path
) -> None:
    huge = tmp_path / "drone film.jpg"
    with huge.open("wb") as file:
        file.truncate(101 * 2**20)
    visit.open("/Classify")
    visit.drop(huge, photos["one"])
    visit.see("drone film.jpg is larger than 100 MB; accepted are JPEG")
    visit.see("1 photo kept")
    assert visit.all(".coin-sentence")
    visit.drop(photos["both"])
    visit.see("2 photos")
    assert "drone film.jpg" not in visit.text()


def test_a_demo_coin_is_read_and_its_crop_corrected(visit: Visit) -> None:
    visit.open("/Classify")
    visit.press("Bronze A")
    visit.see("rendered coin, not a photograph")
    visit.settle()
    switch = next(
        label
        for label in visit.all('[data-testid="stCheckbox"] label')
        if "Correct the crop" in label.text
    )
    visit.chrome.execute_script(
        "arguments[0].scrollIntoView({block: 'center'})", switch
    )
    switch.click()
    visit.settle()
    visit.until(lambda: visit.all("iframe"), "The crop widget did not open")
    visit.see("Turn clockwise")


@pytest.mark.parametrize("coin", [coin.label for coin in DEMO_COINS])
def test_every_demo_coin_is_answered_and_explained(visit: Visit, coin: str) -> None:
    visit.open("/Classify")
    visit.press(coin)
    visit.see("rendered coin, not a photograph")
    visit.settle()
    visit.see("How the classifiers agree")


def test_an_address_opens_its_page_directly(visit: Visit) -> None:
    visit.open("/Classify")
    visit.see("Drop photos of coins here")
