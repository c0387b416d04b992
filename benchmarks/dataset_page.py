"""How fast the Dataset page is at 100,000 photos, in a real Chromium.

    python benchmarks/dataset_page.py [--photos 100000] [--decisions 60]

Times run from the key or click to the frame in which the new photos are painted, as
the browser's own clock sees them. The photos are 1600 x 800 pixels: a few rendered
coins under 100,000 names, so that the disk holds them once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

import catalog as rows
import cv2
import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from coin_core.catalog import Catalog, open_catalog
from coin_core.rendering import render_coin

WIDE_PX, HIGH_PX = 1600, 800
FILES = 40
# What is on the page, in the browser's own clock: `waited(test)` answers with the
# milliseconds since the last key or click once `test` holds and is painted.
CLOCK = """
window.inside = (selector) => [...document.querySelectorAll(
  '[data-testid=stBidiComponentIsolated]')].flatMap(
  (host) => [...host.shadowRoot?.querySelectorAll(selector) ?? []])
  .filter((node) => node.isConnected);
window.done = (image) => image.complete && image.naturalWidth > 0;
window.begun = 0;
for (const kind of ['keydown', 'pointerdown'])
  addEventListener(kind, (event) => { window.begun = event.timeStamp; }, true);
window.waitFor = (test) => {
  window.answer = null;
  const look = () => {
    let held = false;
    try { held = test(); } catch (error) { window.answer = String(error); return; }
    if (held) requestAnimationFrame(
      () => { window.answer = performance.now() - window.begun; });
    else requestAnimationFrame(look);
  };
  look();
};
"""
TILES = "inside('.tile').map((tile) => tile.dataset.id).join()"


def main() -> None:
    """Fill, serve, click, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=100_000)
    parser.add_argument("--decisions", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="a data folder to fill, or filled")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = given.keep or Path(scratch) / "data"
        catalog = fill(data, given.photos)
        with serving(data) as address, browsing(Path(scratch)) as chrome:
            page = Page(chrome, address)
            measure_grid(page)
            measure_review(page, catalog, given.decisions)


def fill(data: Path, count: int) -> Catalog:
    """A catalog of `count` photos whose originals are there."""
    there = (data / "catalog.sqlite").exists()
    photos = data / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    catalog = open_catalog(f"sqlite:///{data}/catalog.sqlite", photos_dir=photos)
    if there:
        return catalog
    rows.fill(catalog, count, size_px=(WIDE_PX, HIGH_PX))
    for k in range(FILES):
        coins = [
            render_coin(7, k, size_px=400, kind=kind).image
            for kind in ("cornucopia", "legend")
        ]
        both = cv2.resize(np.hstack(coins), (WIDE_PX, HIGH_PX))
        Image.fromarray(both).save(data / f"{k}.jpg", quality=92)
    for k in range(1, count + 1):
        name = hashlib.sha256(str(k).encode()).hexdigest()
        os.link(data / f"{k % FILES}.jpg", photos / f"{name}.jpg")
    return catalog


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """The app over that data folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "streamlit", "run", "app.py"),
            *("--server.port", str(port), "--server.headless", "true"),
        ],
        cwd=ROOT,
        env={**os.environ, "COIN_DATA_DIR": str(data)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://localhost:{port}"
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def browsing(scratch: Path) -> Iterator[webdriver.Chrome]:
    """A Chromium that keeps its own clock."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--disable-background-networking", "--window-size=1280,900"),
        f"--user-data-dir={scratch / 'profile'}",
    ):
        options.add_argument(argument)
    driver = Service(shutil.which("chromedriver"))
    chrome = webdriver.Chrome(options=options, service=driver)
    chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": CLOCK})
    try:
        yield chrome
    finally:
        chrome.quit()


class Page:
    """The Dataset page under the hand."""

    def __init__(self, chrome: webdriver.Chrome, address: str) -> None:
        self.chrome = chrome
        self.address = address

    def js(self, text: str) -> Any:
        """What an expression is worth on the page."""
        return self.chrome.execute_script(f"return {text}")

    def wait(self, test: str, act: Callable[[], None]) -> float:
        """Milliseconds from what `act` does to the frame in which `test` holds."""
        self.chrome.execute_script(f"waitFor(() => {test})")
        act()
        return self.answer()

    def answer(self) -> float:
        """What the clock says, once it does."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found = self.js("window.answer")
            if isinstance(found, str):
                raise SystemExit(found)
            if found is not None:
                return float(found)
            time.sleep(0.02)
        raise SystemExit("The page did not change within a minute.")

    def load(self) -> tuple[float, float]:
        """Load the page: milliseconds to its tiles, and to all their pictures."""
        self.chrome.get(f"{self.address}/Dataset")
        self.chrome.execute_script("waitFor(() => inside('.tile').length === 48)")
        tiles = self.answer()
        self.chrome.execute_script(
            "waitFor(() => inside('.tile img').length === 48"
            " && inside('.tile img').every(done))"
        )
        return tiles, self.answer()

    def rest(self) -> None:
        """Wait until nothing is being worked out."""
        calm = 0
        while calm < 5:
            idle = self.js(
                "!!document.querySelector('[data-test-script-state=notRunning]')"
            )
            calm = calm + 1 if idle else 0
            time.sleep(0.1)

    def changed(self, act: Callable[[], None]) -> float:
        """Milliseconds until other tiles are shown, each picture painted or due."""
        self.rest()
        before = self.js(TILES)
        return self.wait(f"inside('.tile').length && {TILES} !== '{before}'", act)

    def click(self, selector: str, *, inside: bool = False) -> None:
        """A real click on the first such element."""
        found = (
            f"inside(`{selector}`)[0]"
            if inside
            else (f"document.querySelector(`{selector}`)")
        )
        ActionChains(self.chrome).click(self.js(found)).perform()

    def open_more(self) -> None:
        """The filters behind the button, unless they are open."""
        self.rest()
        if not self.chrome.find_elements(
            By.CSS_SELECTOR, "[data-testid=stPopoverBody]"
        ):
            self.click("[data-testid=stPopover] button")
            time.sleep(0.4)

    def pick(
        self, label: str, option: str, *, more: bool = False
    ) -> Callable[[], None]:
        """Open a select box; returns the click on one of its options."""
        self.rest()
        if more:
            self.open_more()
        boxes = self.chrome.find_elements(By.CSS_SELECTOR, "[data-testid=stSelectbox]")
        box = next(box for box in boxes if box.text.startswith(label))
        box.find_element(By.CSS_SELECTOR, "input").click()
        time.sleep(0.4)
        options = self.chrome.find_elements(By.CSS_SELECTOR, "[role=option]")
        wanted = next(o for o in options if o.text == option)
        return lambda: ActionChains(self.chrome).click(wanted).perform()


def say(name: str, taken: list[float]) -> None:
    """One line: median and worst."""
    print(
        f"{name:44} median {statistics.median(taken):6.0f} ms, worst "
        f"{max(taken):6.0f} ms, {len(taken)} times",
        flush=True,
    )


def measure_grid(page: Page) -> None:
    """The first page, and every kind of filter."""
    page.load()  # the server opens its catalog and reads its modules once
    page.rest()
    loads = [page.load() for _ in range(5)]
    say("the page loaded anew: tiles", [tiles for tiles, _ in loads])
    say("the page loaded anew: all pictures", [pictures for _, pictures in loads])
    taken: dict[str, list[float]] = {}

    def note(name: str, act: Callable[[], None]) -> None:
        taken.setdefault(name, []).append(page.changed(act))

    for status in ("not reviewed", "reviewed", "all"):
        note("filter by status", page.pick("Status", status))
    for key in ("john_hyrcanus_i", "alexander_jannaeus", "alexander_jannaeus"):
        note(
            "filter by ruler, on the chart",
            lambda key=key: page.click(f"[data-key={key}] .label", inside=True),
        )
    for order in ("least sure first", "most disputed first", "newest first"):
        note("order", page.pick("Order", order))
    for label, options in {
        "Shows the": ("cornucopia side", "all"),
        "Source": ("ikmk", "leu", "all"),
        "Licence": ("cc0", "cc-by-4.0", "all"),
        "Data set version": ("spring",),
        "Part of it": ("test", "validation"),
    }.items():
        for option in options:
            note(f"filter: {label}", page.pick(label, option, more=True))
    page.changed(page.pick("Data set version", "all", more=True))
    for _ in range(2):
        page.open_more()
        toggle = "[data-testid=stPopoverBody] [data-testid=stCheckbox] label"
        note("filter: classifiers differ", lambda: page.click(toggle))
    page.open_more()
    slider = page.js("document.querySelector('[data-testid=stSlider] input')")
    for key in (Keys.PAGE_UP, Keys.HOME):
        note("filter: quality", lambda key=key: slider.send_keys(key))
    page.click("h1")  # closes them
    for words in ("lot 7777", "lot 123"):
        page.rest()
        field = page.js("document.querySelector('[aria-label=Search]')")
        field.click()
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(words)
        note("search in texts", lambda field=field: field.send_keys(Keys.ENTER))
    for name, times in taken.items():
        say(name, times)


def measure_review(page: Page, catalog: Catalog, decisions: int) -> None:
    """Decisions by key: how soon the next photo is painted, and what is stored."""
    page.rest()
    review = "[data-testid=stButtonGroup] button:nth-of-type(2)"
    page.click(review)
    time.sleep(1)
    page.rest()
    field = page.js("document.querySelector('input[placeholder^=Asked]')")
    field.send_keys("Anna", Keys.ENTER)
    time.sleep(1)
    page.rest()
    taken, photos = [], []
    for turn in range(decisions):
        here = page.js("inside('.keys')[0].dataset.photo")
        drawn = page.js("inside('.viewer img')[0].alt")
        test = (
            f"inside('.viewer img')[0].alt !== `{drawn}`"
            " && done(inside('.viewer img')[0])"
            f" && inside('.keys')[0].dataset.photo !== '{here}'"
        )
        key = "1230"[turn % 4]
        taken.append(
            page.wait(
                test, lambda key=key: ActionChains(page.chrome).send_keys(key).perform()
            )
        )
        # What shows the next photo has stored the last decision.
        if not catalog.reviews.of_photo(int(here)):
            raise SystemExit(f"the decision on photo {here} is not stored")
        photos.append(here)
        time.sleep(0.25)
    say("a decision by key: the next photo is painted", taken)
    print("slowest:", ", ".join(f"{t:.0f}" for t in sorted(taken)[-6:]), "ms")


if __name__ == "__main__":
    main()
