"""The report as HTML: what it says, and that nothing in it is code."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from coin_core.i18n import speaking
from tests.ui.classify.report.conftest import HOSTILE, Tags
from ui.classify.report.coin_page import CoinPage
from ui.classify.report.html_report import html_report


def test_it_says_what_the_page_says(page: CoinPage) -> None:
    document = Tags(html_report([page]))
    for words in (page.verdict, "L.1204", "on the floor", page.letters, "ResNet"):
        assert words in document.text
    assert sum(tag == "img" for tag, _ in document.tags) == 3


def test_each_coin_has_its_section(page: CoinPage) -> None:
    tags = Tags(html_report([page, page, page])).tags
    assert sum(tag == "section" for tag, _ in tags) == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_notes_are_text(page: CoinPage, text: str) -> None:
    hostile = replace(page, photo=text, facts=(("Note", text), ("Find", text)))
    parsed = Tags(html_report([hostile]))
    allowed = {tag for tag, _ in Tags(html_report([page])).tags}
    assert {tag for tag, _ in parsed.tags} == allowed
    for tag, attributes in parsed.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        assert tag != "img" or str(attributes["src"]).startswith("data:image/jpeg")
    shown = text.encode("utf-8", "replace").decode()
    assert parsed.text.count(shown) == 3


def test_it_asks_nobody_for_anything(page: CoinPage) -> None:
    document = html_report([page]).decode()
    assert "default-src 'none'" in document
    assert not re.search(r"(?:src|href)=\"(?!data:)", document)
    assert "url(" not in document


def test_hebrew_runs_from_right_to_left(page: CoinPage) -> None:
    with speaking("he"):
        (tag, attributes) = Tags(html_report([page])).tags[0]
    assert (tag, attributes["lang"], attributes["dir"]) == ("html", "he", "rtl")
