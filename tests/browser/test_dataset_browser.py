"""The collection in a real browser: crop, split, review and undo by mouse and key."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from sqlalchemy import text

from coin_core.catalog import (
    Catalog,
    CatalogFace,
    PhotoRecord,
    PhotoStatus,
    RotatedBox,
    Side,
    open_catalog,
)
from coin_core.rendering import render_coin
from coin_core.rulers import DEFAULT_CLASSES
from tests.browser.visit import DatasetVisit

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "<b>both sides</b>.jpg"


@pytest.fixture
def catalog(app_home: Path, app_address: str) -> Catalog:
    """Four rendered coins, the first with both sides on one picture, and their app."""
    data = app_home / "data"
    catalog = open_catalog(
        f"sqlite:///{data / 'catalog.sqlite'}", photos_dir=data / "photos"
    )
    for k in range(4):
        image = render_coin(2026, k, size_px=160).image
        if k == 0:
            other = render_coin(2026, 9, size_px=160, kind="cornucopia").image
            image = np.hstack([other, image])
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "PNG")
        catalog.photos.add(
            buffer.getvalue(),
            PhotoRecord(
                extension="png",
                width_px=image.shape[1],
                height_px=image.shape[0],
                file_name=NAME if k == 0 else f"locus {k}.png",
                is_rendered=True,
            ),
            [
                CatalogFace(
                    box=RotatedBox(left=0.1, top=0.1, right=0.9, bottom=0.9)
                    if k
                    else RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0),
                    side=Side.LEGEND,
                )
            ],
            who="import",
        )
    return catalog


@pytest.fixture
def page(browser: Chrome, app_address: str) -> DatasetVisit:
    return DatasetVisit(browser, app_address)


def test_a_photo_is_split_cropped_and_reviewed(
    page: DatasetVisit, catalog: Catalog
) -> None:
    page.open("/Dataset")
    page.until(lambda: len(page.within(".tile img")) == 4, "Thumbnails are missing")

    def open_first_photo() -> bool:
        tiles = page.within(".tile")
        assert [tile.get_attribute("data-id") for tile in tiles] == ["4", "3", "2", "1"]
        assert NAME in tiles[3].text  # as text, not in bold
        name = tiles[3].find_element(By.CSS_SELECTOR, ".name")
        ActionChains(page.chrome).double_click(name).perform()
        return True

    page.until(open_first_photo, "The grid was not drawn")
    page.until(lambda: page.within(".viewer"), "The photo was not opened")
    page.enter_name("Anna")
    _split_and_take_back(page, catalog)
    _crop_by_mouse(page, catalog)
    _review_by_keyboard(page, catalog)

    page.open("/Dataset")  # a new visit by the same browser
    page.until(
        lambda: any(
            "Working as Anna" in side.text
            for side in page.all('[data-testid="stSidebar"]')
        ),
        "The name was not remembered",
    )


def _split_and_take_back(page: DatasetVisit, catalog: Catalog) -> None:
    (before,) = catalog.photos.faces(1)
    page.press("Split in two")
    page.until(lambda: len(catalog.photos.faces(1)) == 2, "The photo was not split")
    first, second = catalog.photos.faces(1)
    assert first.box.right == second.box.left == pytest.approx(0.5)
    page.press("Undo")
    page.until(lambda: catalog.photos.faces(1) == (before,), "The split was not undone")
    page.press("Redo")
    page.until(
        lambda: len(catalog.photos.faces(1)) == 2, "The split was not done again"
    )
    page.press("Undo")
    page.until(lambda: catalog.photos.faces(1) == (before,), "The split was not undone")
    page.wait_until_idle()


def _crop_by_mouse(page: DatasetVisit, catalog: Catalog) -> None:
    (before,) = catalog.photos.faces(1)
    switch = next(
        label
        for label in page.all('[data-testid="stCheckbox"] label')
        if "Draw a box by mouse" in label.text
    )
    page.chrome.execute_script("arguments[0].scrollIntoView({block:'center'})", switch)
    switch.click()
    # The box fills the photo, as on photos that were cut close to the coin.
    smaller = _keep_after_drag(page, catalog, (1, 1), (0.7, 0.6))
    assert smaller.box.left == pytest.approx(before.box.left, abs=0.02)
    assert smaller.box.top == pytest.approx(before.box.top, abs=0.02)
    assert smaller.box.right < before.box.right - 0.05
    assert smaller.box.bottom < before.box.bottom - 0.05
    # How far it goes depends on how many steps of a drag the widget has seen.
    moved = _keep_after_drag(page, catalog, (0.4, 0.35), (0.4625, 0.4125))
    assert moved.box.left > smaller.box.left + 0.01
    assert moved.box.top > smaller.box.top + 0.01
    wide = smaller.box.right - smaller.box.left
    assert moved.box.right - moved.box.left == pytest.approx(wide, abs=0.02)
    assert moved.side is Side.LEGEND
    page.press("Undo")
    page.until(lambda: catalog.photos.faces(1) == (smaller,), "The crop was not undone")
    page.press("Turn 90° right")
    page.until(
        lambda: catalog.photos.faces(1)[0].box.turn_deg == 90, "It was not turned"
    )
    page.press("Swap sides")
    page.until(
        lambda: catalog.photos.faces(1)[0].side is Side.CORNUCOPIA,
        "Nothing was swapped",
    )
    page.press("Back to the original")
    page.until(lambda: catalog.photos.faces(1) == (before,), "It did not go back")


def _keep_after_drag(
    page: DatasetVisit,
    catalog: Catalog,
    start: tuple[float, float],
    end: tuple[float, float],
) -> CatalogFace:
    """Drag in the viewer, from and to fractions of the photo; keep the box."""
    before = catalog.photos.faces(1)
    page.wait_until_idle()
    page.until(lambda: page.within(".crop"), "The box is not drawn")
    (stage,) = page.chrome.execute_script(
        "return arguments[0].map((one) => one.closest('.stage'))", page.within(".crop")
    )
    page.chrome.execute_script("arguments[0].scrollIntoView({block:'center'})", stage)
    width, height = stage.rect["width"], stage.rect["height"]
    drag = ActionChains(page.chrome)
    if start == (1, 1):
        drag.move_to_element(page.within(".grip")[3])
    else:
        drag.move_to_element_with_offset(
            stage, round((start[0] - 0.5) * width), round((start[1] - 0.5) * height)
        )
    drag.click_and_hold()
    for _ in range(4):
        drag.move_by_offset(
            round((end[0] - start[0]) * width / 4),
            round((end[1] - start[1]) * height / 4),
        )
    drag.release().perform()

    def can_save() -> bool:
        buttons = page.all("button")
        return any(b.text == "Save this box" and b.is_enabled() for b in buttons)

    page.until(can_save, "The page was not told of the box")
    page.wait_until_idle()
    page.press("Save this box")
    page.until(lambda: catalog.photos.faces(1) != before, "The box was not kept")
    (after,) = catalog.photos.faces(1)
    return after


def _review_by_keyboard(page: DatasetVisit, catalog: Catalog) -> None:
    page.press("Review")
    page.wait_for_photo(1)
    queue = next(
        button
        for button in page.all('[data-testid="stButtonGroup"] button')
        if "uncertain" in button.text
    )
    for button in (queue, queue.find_element(By.XPATH, "../button[1]")):
        ActionChains(page.chrome).click(button).perform()
        page.wait_until_idle()
    page.wait_for_photo(1)
    for key, photo_id in ((Keys.ARROW_RIGHT, 2), (Keys.ARROW_LEFT, 1)):
        page.keys(key)  # though the mouse was in the menu of queues
        page.wait_for_photo(photo_id)
    for key, ruler in (("3", "alexander_jannaeus"), ("0", None)):
        here = page.reviewed_photo()
        page.keys(key)
        page.wait_for_photo(here + 1)
        # What shows the next photo has stored the decision on the last one.
        (review,) = catalog.reviews.of_photo(here)
        assert (review.ruler, review.reviewer) == (ruler, "Anna")
    page.keys("x")
    page.keys("2")
    page.wait_for_photo(4)
    assert catalog.photos.get(3).status is PhotoStatus.EXCLUDED
    page.keys("u")
    page.wait_for_photo(3)
    assert catalog.photos.get(3).status is PhotoStatus.UNREVIEWED
    page.hebrew_key("ס", "KeyX")
    page.keys("2")
    page.wait_for_photo(4)
    assert catalog.photos.get(3).status is PhotoStatus.EXCLUDED
    page.hebrew_key("ו", "KeyU")
    page.wait_for_photo(3)
    assert catalog.photos.get(3).status is PhotoStatus.UNREVIEWED
    _decide_with_the_photo_focused(page, catalog)
    page.keys(Keys.ARROW_LEFT)
    page.wait_for_photo(2)
    page.keys("u")
    page.until(lambda: not catalog.reviews.of_photo(2), "The review was not undone")
    assert catalog.photos.get(2).status is PhotoStatus.UNREVIEWED
    assert catalog.photos.get(1).ruler == "alexander_jannaeus"


def _decide_with_the_photo_focused(page: DatasetVisit, catalog: Catalog) -> None:
    """The photo takes the keys that zoom and move it, but none of the review's."""
    page.within(".viewer")[0].click()
    page.keys("+")
    (zoomed,) = page.within(".viewer")
    assert float(zoomed.get_attribute("data-zoom") or 0) > 1
    page.keys(Keys.ARROW_LEFT)
    page.wait_for_photo(2)
    page.keys(Keys.ARROW_RIGHT)
    page.wait_for_photo(3)
    page.keys("0")
    page.wait_for_photo(4)
    (review,) = catalog.reviews.of_photo(3)
    assert review.ruler is None
    page.keys("u")
    page.wait_for_photo(3)
    assert not catalog.reviews.of_photo(3)


def test_what_is_selected_is_ticked_when_a_photo_was_opened(
    page: DatasetVisit, catalog: Catalog
) -> None:
    def ticked() -> list[str | None]:
        return [tile.get_attribute("data-id") for tile in page.within(".selected")]

    def select(place: int) -> None:
        page.within(".tile .name")[place].click()

    page.open("/Dataset")
    page.until(lambda: len(page.within(".tile img")) == 4, "Thumbnails are missing")
    select(0)
    page.enter_name("Anna")
    for place in (1, 2):
        select(place)
    page.see("3 selected")
    page.wait_until_idle()
    (tile,) = page.within(".tile:focus")
    assert tile.get_attribute("data-id") == "2", "the tiles are drawn again"
    page.within(".tile .open")[1].click()
    page.until(lambda: page.within(".viewer"), "The photo was not opened")
    page.keys("b")
    page.until(lambda: ticked() == ["4", "3", "2"], "The ticks are gone")
    page.see("3 selected")
    select(3)
    page.see("4 selected")
    assert len(ticked()) == 4


def test_two_reviewers_at_once_lose_nothing(
    page: DatasetVisit,
    app_address: str,
    catalog: Catalog,
    new_browser: Callable[[], Chrome],
) -> None:
    """Two browsers decide on the same photos in the same moments."""
    other = DatasetVisit(new_browser(), app_address)
    both = {"Carla": page, "Dov": other}
    catalog.edits.restore(range(1, 5), who="import")
    with catalog.database.writing() as connection:
        connection.execute(text("UPDATE photos SET status = 'unreviewed'"))
    for name, visit in both.items():
        visit.open("/Dataset")
        visit.press("Review")
        visit.enter_name(name)
        visit.wait_for_photo(1)
    said = {"Carla": "1230", "Dov": "3302"}
    rulers = {str(k): ruler for k, ruler in enumerate(DEFAULT_CLASSES, 1)}
    for turn in range(4):
        for name, visit in both.items():
            visit.keys(said[name][turn])
        if turn < 3:
            for visit in both.values():
                visit.wait_for_photo(turn + 2)
    for turn in range(4):
        expected = {(n, rulers.get(keys[turn])) for n, keys in said.items()}
        page.until(
            lambda photo_id=turn + 1, expected=expected: (
                {(r.reviewer, r.ruler) for r in catalog.reviews.of_photo(photo_id)}
                >= expected
            ),
            f"A decision on photo {turn + 1} is lost",
        )
    assert catalog.reviews.agreement().pairs
    assert catalog.check() == []
