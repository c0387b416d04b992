from __future__ import annotations

import pytest

from coin_core.catalog import Catalog
from tests.ui.dataset.dataset_page import grid_of, open_page, press, shown_in
from ui.dataset import gallery


def test_the_grid_shows_every_photo_with_its_faces_and_marks(catalog: Catalog) -> None:
    gallery = grid_of(open_page())
    assert len(gallery["photos"]) == 12
    tile = gallery["photos"][0]  # the newest first
    assert tile["tags"] == [["rendered", "rendered"]]
    assert tile["src"].startswith("/mock/media/")
    assert tile["faces"][0]["label"] == "1 · legend side"


def test_the_grid_ticks_what_is_selected_when_a_photo_was_opened(
    catalog: Catalog,
) -> None:
    page = open_page()
    session = page.session_state["dataset_session"]
    session.selected = (10, 11, 12)  # by clicks
    session.open_photo(11)
    page.run()
    next(b for b in page.button if b.label == "Back to all photos").click().run()
    assert not page.exception
    assert grid_of(page)["selected"] == [10, 11, 12]
    assert session.selected == (10, 11, 12)


def test_each_run_adds_a_thumbnail_however_slow_the_computer(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "_FIRST_S", 0.0)
    page = open_page(who="")
    assert len([tile for tile in grid_of(page)["photos"] if tile["src"]]) == 2
    page.run()
    assert len([tile for tile in grid_of(page)["photos"] if tile["src"]]) == 3


def test_the_next_page_is_turned_to_at_the_foot(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE_SIZE", 5)
    page = open_page()
    first = shown_in(page)
    press(page, "next_page")
    assert len(shown_in(page)) == 5
    assert not set(first) & set(shown_in(page))
    press(page, "next_page")
    assert len(shown_in(page)) == 2
    assert not [b for b in page.button if b.key == "next_page"]


def test_a_photo_leads_back_to_its_page(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gallery, "PAGE_SIZE", 5)
    page = open_page()
    press(page, "next_page")
    second = shown_in(page)
    session = page.session_state["dataset_session"]
    session.open_photo(grid_of(page)["photos"][0]["id"])
    page.run()
    page.run()  # its tools are used
    next(b for b in page.button if b.label == "Back to all photos").click().run()
    assert not page.exception
    assert shown_in(page) == second
