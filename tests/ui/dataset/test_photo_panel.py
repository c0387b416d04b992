from __future__ import annotations

from coin_core.catalog import Catalog
from tests.ui.dataset.dataset_page import NASTY, open_page, shown_in


def test_an_opened_photo_shows_names_and_lot_texts_as_text(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(1)
    page.run()
    assert not page.exception
    plain = [part.value for part in page.text]
    assert NASTY in plain
    assert f"lot text: {NASTY}" in plain
    interpreted = [*page.markdown, *page.caption, *page.get("html")]
    assert not [p for p in interpreted if "onerror" in str(p.value)]


def test_a_photo_that_is_gone_leads_back_to_the_grid(catalog: Catalog) -> None:
    page = open_page()
    page.session_state["dataset_session"].open_photo(9999)
    page.run()
    assert not page.exception
    assert "9999" in page.error[0].value
    assert len(shown_in(page)) == 12
