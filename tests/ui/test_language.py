from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from coin_core import i18n
from coin_core.i18n import speaking, text_direction
from ui.formatting import date, duration, percent, plural
from ui.language import language_name, streamlit_words


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
