from __future__ import annotations

from streamlit.testing.v1 import AppTest

from coin_core.i18n import _, speaking
from ui.layout import drop_zone_style


def _page() -> None:
    from ui.layout import begin_page

    begin_page("The dataset", "One sentence.")


def test_a_page_has_a_title_a_lead_and_the_note_on_privacy() -> None:
    page = AppTest.from_function(_page).run()
    assert not page.exception
    assert page.title[0].value == "The dataset"
    assert any("One sentence." in part.value for part in page.get("html"))
    assert "no photo leaves it" in page.sidebar.caption[0].value


def test_the_drop_zone_speaks_the_visitor_s_language() -> None:
    with speaking("he"):
        style = drop_zone_style()
        for words in ("Choose files", "Drop the files here"):
            assert f'content: "{_(words)}"' in style
            assert _(words) != words
    assert "ZONE" not in style
