"""Result pages of acsearch: the script, the visible list, the heading."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from scrapers.base import ImageSide
from scrapers.errors import PageChangedError
from scrapers.sources import acsearch
from tests.scrapers import saved_pages as pages


def test_acsearch_is_read_from_its_script():
    page = acsearch.parse_page(pages.acsearch())
    assert (page.announced, page.query) == (3, "prutah")
    first, second, _ = page.listings
    assert first.key == "acsearch:101"
    assert first.url == "https://www.acsearch.info/search.html?id=101"
    assert first.date == "14.03.2021"
    assert first.images[0].url == "https://www.acsearch.info/media/101.s.jpg"
    assert first.images[0].side is ImageSide.BOTH
    assert first.licence is None
    assert second.text == pages.LOTS[1][2]


def test_a_description_may_hold_the_end_of_a_list():
    lots = [(1, "A", "Obv. legend [...]; rev. [anchor]; Hendin 1132];")]
    page = acsearch.parse_page(pages.acsearch(lots, total="1"))
    assert page.listings[0].text == lots[0][2]


def test_acsearch_is_read_as_shown_where_it_was_scrolled():
    view = [
        (101, "A", "Prutah in <i>view</i>", "page_files/101.s.jpg"),
        (104, "D", "Scrolled into view", "media/css/images/design/blank.gif"),
    ]
    page = acsearch.parse_page(pages.acsearch(total="13'521", view=view))
    assert page.announced == 13521
    lots = {lot.record_id: lot for lot in page.listings}
    assert set(lots) == {"101", "102", "103", "104"}
    assert lots["101"].text == pages.LOTS[0][2]
    assert lots["101"].images[0].url.endswith("page_files/101.s.jpg")
    assert lots["104"].images == ()


def test_acsearch_without_its_script_is_read_as_shown():
    view = [(101, "A", "Prutah", "a.jpg")]
    page = acsearch.parse_page(
        pages.acsearch([], script=False, view=view, total="1", last=1)
    )
    assert [lot.title for lot in page.listings] == ["A"]


@pytest.mark.parametrize(
    "text",
    [
        pages.acsearch(total="647", last=100),
        pages.acsearch().replace("acsearch.initSearchResults = [", "var x = ["),
        pages.acsearch().replace('"id": 101', '"nr": 101'),
        pages.acsearch().replace('"title"', "'title'", 1),
        "<html>acsearch.info: no results</html>",
        "acsearch.initSearchResults = {",
    ],
)
def test_an_acsearch_page_that_is_not_what_it_says_is_refused(text):
    with pytest.raises(PageChangedError):
        acsearch.parse_page(text)


@pytest.mark.parametrize(
    ("term", "echoed"),
    [
        ('("John Hyrcanus" Jean) prutah', "(&quot;John Hyrcanus&quot; Jean) prutah"),
        ("john hyrcanus", "John Hyrcanus"),
        ("prutah", "prutah in all categories"),
        ("a very long question", "a very…"),
        ("", "prutah"),
    ],
)
def test_a_question_may_be_repeated_in_other_clothes(term, echoed):
    text = pages.acsearch().replace("for prutah", f"for {echoed}")
    url = f"https://www.acsearch.info/search.html?{urlencode({'term': term})}"
    assert len(acsearch.parse_page(text, url).listings) == 3
