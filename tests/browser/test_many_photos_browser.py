"""A dataset of many photos in a real browser: what is sent, and where it leads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import Chrome, Keys

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    PhotoRecord,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.rendering import render_coin
from tests.browser.conftest import serve_pages
from tests.browser.visit import MOST_BYTES, Visit, counted_bytes
from ui.dataset.gallery import PAGE_SIZE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_WAITING = 3  # photos that nobody has reviewed
_BOX = RotatedBox(left=0.05, top=0.05, right=0.95, bottom=0.95)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("many")


@pytest.fixture(scope="module")
def catalog(home: Path) -> Catalog:
    """A full page of photos; the last three wait for a review."""
    data = home / "data"
    data.mkdir()
    catalog = open_catalog(
        f"sqlite:///{data / 'catalog.sqlite'}", photos_dir=data / "photos"
    )
    rng = np.random.default_rng(0)
    coins = [render_coin(2026, k, size_px=200).image for k in range(1, 4)]
    for number in range(PAGE_SIZE):
        grain = rng.integers(-12, 13, coins[0].shape)
        image = np.clip(coins[number % 3] + grain, 0, 255).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        name = f"find {number}.png"
        record = PhotoRecord(
            extension="png", width_px=200, height_px=200, file_name=name
        )
        face = CatalogFace(box=_BOX, side=Side.LEGEND)
        catalog.photos.add(buffer.getvalue(), record, [face], who="import")
    for photo_id in range(1, PAGE_SIZE + 1 - _WAITING):
        catalog.reviews.add(photo_id, "alexander_jannaeus", who="Anna")
    return catalog


@pytest.fixture(scope="module")
def address(home: Path, catalog: Catalog) -> Iterator[str]:
    with serve_pages(home) as address:
        yield address


@pytest.fixture
def visit(module_browser: Chrome, address: str) -> Visit:
    return Visit(module_browser, address)


def test_a_full_page_of_photos_is_sent_in_few_bytes(visit: Visit) -> None:
    with counted_bytes(visit) as received:
        visit.open("/Dataset")
        loaded = "return arguments[0].every((image) => image.naturalWidth > 0)"

        def are_shown() -> bool:
            images = visit.within(".tile img")
            shown = visit.chrome.execute_script(loaded, images)
            return len(images) == PAGE_SIZE and bool(shown)

        visit.until(are_shown, "Thumbnails are missing")
        assert 0 < received() < MOST_BYTES
        visit.press(f"Select all {PAGE_SIZE}")
        assert 0 < received() < MOST_BYTES
        visit.within(".tile .open")[0].click()
        visit.until(lambda: visit.within(".viewer"), "The photo was not opened")
        assert 0 < received() < MOST_BYTES


def test_show_why_opens_the_photo_on_its_drawn_crop(
    visit: Visit, catalog: Catalog
) -> None:
    drawn = CatalogFace(
        box=RotatedBox(left=0.0, top=0.02, right=0.98, bottom=1.0), side=Side.LEGEND
    )
    catalog.edits.set_faces(PAGE_SIZE, [drawn], who="Anna")
    visit.open("/Dataset")
    visit.until(lambda: visit.within(".tile .open"), "The grid was not drawn")
    visit.within(".tile .open")[0].click()  # the newest first
    visit.until(lambda: visit.within(".viewer"), "The photo was not opened")
    visit.press("Show why")
    visit.until(lambda: visit.all(".coin-sentence"), "No verdict")
    visit.wait_until_idle()
    assert visit.all(".coin-photo b")[0].text == f"find {PAGE_SIZE - 1}.png"
    (switch,) = [
        one.find_element("css selector", "input")
        for one in visit.all("label")
        if one.text.startswith("Correct the crop")
    ]
    assert switch.is_selected()
    visit.see("Which name the letters fit")
    visit.see("How the classifiers agree")


def test_all_that_wait_for_a_review_are_classified_with_those_chosen(
    visit: Visit, catalog: Catalog
) -> None:
    visit.open("/Dataset")
    visit.press("Review")
    if not visit.within(".keys"):
        name = visit.all("input[placeholder^='Asked once']")[0]
        name.send_keys("Anna", Keys.ENTER)
        visit.wait_until_idle()
    visit.until(lambda: visit.within(".keys"), "No photo is reviewed")
    visit.press("expand_more")  # of "Classify all with …"

    def pills() -> dict[str, object]:
        body = visit.all('[data-testid="stPopoverBody"] button')
        return {button.text: button for button in body}

    visit.until(lambda: "kNN" in pills(), "The classifiers were not offered")
    for title in ("VGG", "SVM", "kNN", "MLP"):
        visit.press(title)
    visit.press(f"Classify {_WAITING} unreviewed photos")
    visit.see(f"{_WAITING} photos read.")
    for photo_id in range(1, PAGE_SIZE + 1):
        said = [one.classifier for one in catalog.predictions.of_photo(photo_id)]
        is_waiting = photo_id > PAGE_SIZE - _WAITING
        assert said == (["resnet"] if is_waiting else [])
