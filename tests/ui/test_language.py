from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core import i18n
from coin_core.i18n import speaking, text_direction
from ui.formatting import date, duration, percent, plural
from ui.language import MENUS, key_of_menu, language_name, streamlit_words


def _page() -> None:
    from ui.layout import begin_page

    begin_page("Title")


def open_page(language: str = "") -> AppTest:
    page = AppTest.from_function(_page, default_timeout=60)
    if language:
        page.query_params["lang"] = language
    page.run()
    assert not page.exception
    return page


def privacy(page: AppTest) -> str:
    return str(page.sidebar.caption[0].value)


def styles(page: AppTest) -> str:
    return " ".join(str(part.value) for part in page.get("html"))


def test_pages_are_english_unless_the_address_or_the_switch_says_otherwise() -> None:
    page = open_page()
    assert "no photo leaves it" in privacy(page)
    assert "direction: rtl" not in styles(page)
    page.button_group(key="language_switch").set_value("he").run()
    assert not page.exception
    assert "אף תמונה אינה יוצאת" in privacy(page)
    assert "direction: rtl" in styles(page)
    page.button_group(key="language_switch").set_value("en").run()
    assert "no photo leaves it" in privacy(page)


def test_the_address_chooses_a_language_that_there_is() -> None:
    assert "אף תמונה אינה יוצאת" in privacy(open_page("he"))
    assert "no photo leaves it" in privacy(open_page("xx"))
    assert "no photo leaves it" in privacy(open_page("../he"))


def test_a_language_that_is_dropped_in_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "eo" / "LC_MESSAGES" / "coin_reader.po"
    path.parent.mkdir(parents=True)
    path.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "Home"\nmsgstr "Hejmo"\n\n'
        'msgid "Language"\nmsgstr "Lingvo"\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(i18n, "LOCALE_FOLDER", tmp_path)
    page = open_page("eo")
    switch = page.button_group(key="language_switch")
    assert switch.label == "Lingvo"
    assert switch.options == ["English", "Esperanto"]


def test_streamlit_s_own_words_are_replaced() -> None:
    english = dict(streamlit_words())
    assert english["Upload"] == "Choose files"
    assert "No results" not in english  # it is English already
    with speaking("he"):
        hebrew = dict(streamlit_words())
    assert hebrew.keys() >= {"progress", "Copy to clipboard"}
    assert hebrew["No results"] == i18n._translations("he").gettext("No results")
    assert hebrew.keys() > english.keys()
    assert all(re.search("[\u0590-\u05ff]", text) for text in hebrew.values())


def test_languages_name_themselves_and_their_direction() -> None:
    assert language_name("en") == "English"
    assert language_name("he") == "עברית"
    assert (text_direction("en"), text_direction("he")) == ("ltr", "rtl")


def test_counts_times_and_days_follow_the_language() -> None:
    from datetime import datetime

    day = datetime(2026, 11, 22, 17, 50).astimezone()
    assert (plural(1, "photo"), plural(1200, "photo")) == ("1 photo", "1,200 photos")
    assert (date(day), percent(0.91)) == ("22 Nov 2026", "91\N{NO-BREAK SPACE}%")
    with speaking("he"):
        assert plural(1, "photo") == "תמונה אחת"
        assert "1,200" in plural(1200, "photo")
        assert "תמונות" in plural(1200, "photo")
        assert "נוב" in date(day)
        assert "דק׳" in duration(120)
        # From left to right within the text, and without a gap that turns it around.
        assert percent(0.91) == "\u206691%\u2069"


def _menus() -> list[tuple[str, ast.expr]]:
    """The keys of all menus of the pages, with where they are."""
    root = Path(__file__).resolve().parents[2]
    return [
        (f"{path.relative_to(root)}:{call.lineno}", word.value)
        for path in sorted((root / "ui").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in ("st.selectbox", "st.multiselect")
        for word in call.keywords
        if word.arg == "key"
    ]


# Of names that are the same in each language, and of fields whose callers give the key.
_IN_NO_LANGUAGE = {"version_shown", "compare_first", "compare_second", "told_licence"}


def test_no_menu_keeps_the_words_of_another_language() -> None:
    """A browser answers with words, which no menu of another language knows."""
    loose = []
    for where, key in _menus():
        words = ast.unparse(key).removeprefix("f").strip("'\"")
        if isinstance(key, ast.Constant) and words in _IN_NO_LANGUAGE:
            continue
        if not words.startswith(MENUS) and "key_of_menu" not in words:
            loose.append(f"{where} {words}")
    # Names that were given their key by `key_of_menu`, or by a caller, above.
    named = {"menu_key", "ruler_key", "reason_key", "key"}
    assert [one for one in loose if one.split()[-1] not in named] == []


def test_a_menu_has_a_key_in_each_language() -> None:
    keys = set()
    for language in ("en", "he"):
        with speaking(language):
            keys.add(key_of_menu("ruler_7"))
    assert len(keys) == 2
