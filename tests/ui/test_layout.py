from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from ui.layout import PAGES

ROOT = Path(__file__).parents[2]


def _page() -> None:
    from ui.layout import begin_page

    begin_page("The dataset", "One sentence.")


def test_a_page_has_a_title_a_lead_and_the_note_on_privacy() -> None:
    page = AppTest.from_function(_page).run()
    assert not page.exception
    assert page.title[0].value == "The dataset"
    assert any("One sentence." in part.value for part in page.get("html"))
    assert "no photo leaves it" in page.sidebar.caption[0].value


def test_the_sidebar_names_every_page() -> None:
    files = sorted((ROOT / "pages").glob("*.py"))
    assert list(PAGES) == ["Home.py", *(f"pages/{path.name}" for path in files)]
