"""Speed of the Dataset page with 100,000 photos, in a real Chromium.

    python -m benchmarks.dataset_page [--photos 100000] [--decisions 60] [--keep DIR]

Times run from the key or click to the frame in which the new photos are painted, by
the browser's own clock. The photos are 1600 x 800 pixels: hard links to a few files of
rendered coins, so that they need little disk. --keep names a data folder to fill, or
one that an earlier call has filled. With fewer than about 5,000 photos, some filters
find nothing and the measurement does not end.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By

from benchmarks import catalog_queries
from benchmarks.browser import Page, open_browser, print_times
from benchmarks.common import argument_parser, catalog_in, encode_jpeg
from coin_core.catalog import Catalog
from coin_core.rendering import render_coin
from tests.serving import serve

WIDTH_PX, HEIGHT_PX = 1600, 800
FILES = 40
TILES = "inside('.tile').map((tile) => tile.dataset.id).join()"


def main() -> None:
    """Fill the dataset, then measure the gallery and the review."""
    parser = argument_parser(__doc__, photos=100_000, decisions=60)
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = args.keep or Path(scratch) / "data"
        catalog = fill(data, args.photos)
        with (
            serve(Path(scratch), environment={"COIN_DATA_DIR": str(data)}) as served,
            open_browser(Path(scratch)) as chrome,
        ):
            page = DatasetPage(chrome, served.address)
            measure_gallery(page, args.photos)
            measure_review(page, catalog, args.decisions)


def fill(data: Path, count: int) -> Catalog:
    """Make a catalog of `count` photos with their files, unless it is there."""
    photos = data / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    filled = (data / "catalog.sqlite").exists()
    catalog = catalog_in(data)
    if filled:
        return catalog
    catalog_queries.fill(catalog, count, size_px=(WIDTH_PX, HEIGHT_PX))
    for k in range(FILES):
        coins = [
            render_coin(7, k, size_px=400, kind=kind).image
            for kind in ("cornucopia", "legend")
        ]
        both = cv2.resize(np.hstack(coins), (WIDTH_PX, HEIGHT_PX))
        (data / f"{k}.jpg").write_bytes(encode_jpeg(both, 92))
    for k in range(1, count + 1):
        name = hashlib.sha256(str(k).encode()).hexdigest()
        os.link(data / f"{k % FILES}.jpg", photos / f"{name}.jpg")
    return catalog


class DatasetPage(Page):
    """The Dataset page."""

    def load(self) -> tuple[float, float]:
        """Load the page: milliseconds to its tiles, and to all their images."""
        self.chrome.get(f"{self.address}/Dataset")
        self.chrome.execute_script("waitFor(() => inside('.tile').length === 48)")
        tiles = self.answer()
        self.chrome.execute_script(
            "waitFor(() => inside('.tile img').length === 48"
            " && inside('.tile img').every(done))"
        )
        return tiles, self.answer()

    def changed(self, act: Callable[[], None]) -> float:
        """Milliseconds from the click of `act` to other tiles."""
        self.rest()
        before = self.js(TILES)
        return self.wait(f"inside('.tile').length && {TILES} !== '{before}'", act)

    def open_more(self) -> None:
        """Open the further filters, unless they are open."""
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
        element = next(one for one in options if one.text == option)
        return lambda: ActionChains(self.chrome).click(element).perform()


def measure_gallery(page: DatasetPage, count: int) -> None:
    """Measure loading the page, and every kind of filter."""
    page.load()  # opens the catalog and imports the modules, once per server
    page.rest()
    loads = [page.load() for _ in range(5)]
    print_times("page load: tiles", [tiles for tiles, _ in loads])
    print_times("page load: all images", [images for _, images in loads])
    times_ms: dict[str, list[float]] = {}

    def measure(name: str, act: Callable[[], None]) -> None:
        times_ms.setdefault(name, []).append(page.changed(act))

    for status in ("not reviewed", "reviewed", "all"):
        measure("filter by status", page.pick("Status", status))
    for key in ("john_hyrcanus_i", "alexander_jannaeus", "alexander_jannaeus"):
        measure(
            "filter by ruler, on the chart",
            lambda key=key: page.click(f"[data-key={key}] .label", inside=True),
        )
    for order in ("least certain first", "most disputed first", "newest first"):
        measure("order", page.pick("Order", order))
    for label, options in {
        "Shows the": ("cornucopia side", "all"),
        "Source": ("ikmk", "leu", "all"),
        "Licence": ("cc0", "cc-by-4.0", "all"),
        "Version": ("spring",),
        "Split": ("test", "validation"),
    }.items():
        for option in options:
            measure(f"filter: {label}", page.pick(label, option, more=True))
    page.changed(page.pick("Version", "all", more=True))
    for _ in range(2):
        page.open_more()
        toggle = "[data-testid=stPopoverBody] [data-testid=stCheckbox] label"
        measure("filter: classifiers differ", lambda: page.click(toggle))
    page.open_more()
    slider = page.js("document.querySelector('[data-testid=stSlider] input')")
    for key in (Keys.PAGE_UP, Keys.HOME):
        measure("filter: quality", lambda key=key: slider.send_keys(key))
    page.click("h1")  # closes the filters
    for words in (f"lot {count * 7 // 90}", "lot 123"):
        page.rest()
        field = page.js("document.querySelector('[aria-label=Search]')")
        field.click()
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(words)
        measure("search in texts", lambda field=field: field.send_keys(Keys.ENTER))
    for name, times in times_ms.items():
        print_times(name, times)


def measure_review(page: DatasetPage, catalog: Catalog, decisions: int) -> None:
    """Measure decisions by key, and check that each is stored."""
    page.rest()
    review = "[data-testid=stMain] [data-testid=stButtonGroup] button:nth-of-type(2)"
    page.click(review)
    time.sleep(1)
    page.rest()
    field = page.js("document.querySelector('input[placeholder^=Asked]')")
    field.send_keys("Anna", Keys.ENTER)
    time.sleep(1)
    page.rest()
    times = []
    for turn in range(decisions):
        here = page.js("inside('.keys')[0].dataset.photo")
        drawn = page.js("inside('.viewer img')[0].alt")
        test = (
            f"inside('.viewer img')[0].alt !== `{drawn}`"
            " && done(inside('.viewer img')[0])"
            f" && inside('.keys')[0].dataset.photo !== '{here}'"
        )
        key = "1230"[turn % 4]
        times.append(
            page.wait(
                test, lambda key=key: ActionChains(page.chrome).send_keys(key).perform()
            )
        )
        # the next photo is shown after the decision is stored
        if not catalog.reviews.of_photo(int(here)):
            raise SystemExit(f"the decision on photo {here} is not stored")
        time.sleep(0.25)
    print_times("a decision by key: the next photo is painted", times)
    print("slowest:", ", ".join(f"{t:.0f}" for t in sorted(times)[-6:]), "ms")


if __name__ == "__main__":
    main()
