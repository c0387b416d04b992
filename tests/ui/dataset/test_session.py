from __future__ import annotations

from coin_core.catalog import Catalog
from tests.ui.dataset.dataset_page import open_page


def test_changes_ask_for_a_name_first(catalog: Catalog) -> None:
    page = open_page(who="")
    page.session_state["dataset_session"].select([1])
    page.run()
    assert not [b for b in page.button if b.key == "set_ruler_john_hyrcanus_i"]
    page.text_input(key="reviewer_asked").set_value("  Anna ").run()
    assert not page.exception
    assert page.session_state["dataset_session"].reviewer == "Anna"
    assert [b for b in page.button if b.key == "set_ruler_john_hyrcanus_i"]
