"""A training from order to deletion, as a person does it in a real browser."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.remote.webelement import WebElement

from coin_core.rendering import render_coin
from coin_core.training.runs import Run
from tests.browser.visit import Visit
from tests.ui.training.history_page import make_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COINS = 24
PATIENCE_S = 240  # a training takes seconds of its own, and waits for its turn


@pytest.fixture
def hoard(app_home: Path) -> Iterator[Path]:
    """A folder of photos that the page offers, one folder per ruler."""
    data = app_home / "data"
    folder = data / "collections" / "small-hoard"
    for index in range(COINS):
        coin = render_coin(43, index, size_px=128)
        place = folder / str(coin.ruler) / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coin.image).save(place)
    yield folder
    # Other visits are to an app with the shipped models alone.
    for left in (folder, *(data / "models").glob("mlp-small-hoard*")):
        shutil.rmtree(left)


class Training(Visit):
    """A visit to the training-history page."""

    def unfold(self, label: str) -> None:
        def summary() -> object:
            return next((s for s in self.all("summary") if label in s.text), None)

        self.until(summary, f"Nothing to unfold: {label!r}").click()
        self.wait_until_idle()

    def set_number(self, label: str, value: int) -> None:
        def fields() -> list[WebElement]:
            return self.all(f'input[aria-label="{label}"]')

        (field,) = self.until(fields, f"There was nothing to set: {label!r}")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(str(value), Keys.ENTER)
        self.wait_until_idle()

    def choose(self, label: str, option: str) -> None:
        def fields() -> list[WebElement]:
            return self.all(f'[data-testid="stSelectbox"] input[aria-label*="{label}"]')

        field, *_ = self.until(fields, f"There was nothing to choose: {label!r}")
        field.send_keys(option, Keys.ENTER)
        self.wait_until_idle()


def bundle_of(run: Path) -> str:
    return str(Run(folder=run).report().get("bundle", ""))


def test_a_training_is_ordered_watched_reported_and_deleted(
    browser: Chrome, app_address: str, app_home: Path, hoard: Path, downloads: Path
) -> None:
    visit = Training(browser, app_address)
    visit.open("/Training_history")
    visit.see("Fewer than 30 coins")
    visit.choose("Classifier", "MLP")  # a few photos teach a net nothing
    visit.unfold("Settings")
    visit.set_number("Folds", 2)
    visit.set_number("At most this many epochs", 2)
    visit.press("Start training")
    visit.see("MLP on small-hoard")

    runs = app_home / "data" / "runs"
    # Its own process: nobody need look on.
    browser.get("about:blank")
    end = time.monotonic() + PATIENCE_S
    while not (done := [one for one in runs.glob("*") if bundle_of(one)]):
        assert time.monotonic() < end, "The training did not end"
        time.sleep(0.5)
    (folder,) = done
    visit.open(f"/Training_history?run={folder.name}")
    visit.see(f"of {COINS} photos")
    visit.see("the ring marks the epoch")
    visit.until(
        lambda: len(visit.all(".js-plotly-plot .scatterlayer path.js-line")) >= 4,
        "No curves were drawn",
    )
    visit.press("Report as HTML")
    report = visit.until(
        lambda: next(iter(downloads.glob("*.html")), None), "No report came"
    )
    assert "small-hoard" in report.read_text("utf-8")

    visit.press("Delete\nexpand_more")
    visit.press("Delete the run")
    visit.see("No training has been run")
    assert not folder.exists()


def test_the_table_of_runs_begins_at_its_right_end_in_hebrew(
    browser: Chrome,
    app_address: str,
    app_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COIN_DATA_DIR", str(app_home / "data"))
    run = make_run()
    visit = Training(browser, app_address)
    browser.set_window_size(820, 900)
    visit.open("/Training_history?lang=en")
    visit.until(lambda: visit.all(".dvn-scroller"), "There was no table")
    visit.press("עברית")

    def hidden_px() -> list[int]:
        return browser.execute_script(
            """const table = document.querySelector(".dvn-scroller");
            const right = table.scrollLeft + table.clientWidth;
            return [table.scrollLeft, table.scrollWidth - right];"""
        )

    visit.until(lambda: hidden_px()[1] <= 1, "It does not begin at its right end")
    assert hidden_px()[0] > 100, "it is wider than the page"
    shutil.rmtree(run.folder)
