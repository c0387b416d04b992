from __future__ import annotations

from coin_core.catalog import Catalog, PhotoStatus
from tests.ui.dataset.dataset_page import components, open_page, press, shown_in


def test_the_counts_filter_the_grid(catalog: Catalog) -> None:
    page = open_page()
    counts = next(data for data in components(page) if "rows" in data)
    assert {row["key"]: row["count"] for row in counts["rows"]} == {
        "john_hyrcanus_i": 3,
        "judah_aristobulus_i": 3,
        "alexander_jannaeus": 3,
        "unlabelled": 3,
    }
    page.session_state["dataset_session"].ruler = "unlabelled"
    page.run()
    assert len(shown_in(page)) == 3
    press(page, "f_clear")
    assert len(shown_in(page)) == 12


def test_search_status_and_source_filter(catalog: Catalog) -> None:
    page = open_page()
    page.text_input(key="f_text").set_value("locus 7").run()
    assert shown_in(page) == ["locus 7.png"]
    page.text_input(key="f_text").set_value("no such words").run()
    assert "No photo matches" in page.info[0].value
    press(page, "f_clear")
    page.selectbox(key="f_status").set_value(PhotoStatus.EXCLUDED).run()
    assert not page.exception
    assert "No photo matches" in page.info[0].value
