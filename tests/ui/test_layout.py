from __future__ import annotations

import ast
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


def test_two_columns_are_one_below_the_other_on_a_page_that_is_not_wide() -> None:
    page = AppTest.from_function(_page).run()
    (style,) = (part.value for part in page.get("html") if "<style>" in part.value)
    _before, narrow = style.split("@media (max-width: 900px)", 1)
    rule = narrow.split("}")[0]
    assert '[data-testid="stColumn"]:is(:first-child:nth-last-child(2)' in rule
    assert "min-width: 100%" in rule


def test_a_text_is_in_the_order_of_its_own_script() -> None:
    """The words are in an element of their own, and that is what has to say so."""
    page = AppTest.from_function(_page).run()
    (style,) = (part.value for part in page.get("html") if "<style>" in part.value)
    assert '[data-testid="stText"] > span { unicode-bidi: plaintext; }' in style


def test_every_choice_of_buttons_wraps() -> None:
    """In a column Streamlit hides those that do not fit in a row, without a sign."""
    calls = {
        f"{path.relative_to(ROOT)}:{call.lineno}": call
        for folder in ("ui", "pages")
        for path in (ROOT / folder).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in ("st.pills", "st.segmented_control")
    }
    assert calls
    assert [
        where
        for where, call in calls.items()
        if "wrap=True" not in map(ast.unparse, call.keywords)
    ] == []
