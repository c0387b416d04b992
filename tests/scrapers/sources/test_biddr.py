"""Pages of biddr: lists, single lots, pages of several."""

from __future__ import annotations

import pytest

from scrapers.errors import PageChangedError
from scrapers.sources import biddr
from tests.scrapers import saved_pages as pages


def test_biddr_is_read():
    page = biddr.parse_page(pages.biddr(), "https://www.biddr.com/auctions/x/browse")
    assert [lot.record_id for lot in page.listings] == ["900-101", "900-102", "900-103"]
    lot = page.listings[0]
    assert lot.title == "House A, Auction 7, Lot 12"
    assert "John Hyrcanus I" in lot.text
    assert "Alexander" not in lot.text
    assert lot.images[0].url == "https://media.biddr.com/101.jpg"
    assert lot.url == "https://www.biddr.com/auctions/housea/browse?a=900&l=101"


def test_one_lot_of_biddr_is_read():
    page = biddr.parse_page(
        "<meta property='og:image' content='https://media.biddr.com/7.jpg'><h1>Lot 7"
        "</h1><div class='lot-description'>John Hyrcanus I. Prutah.</div>",
        "https://www.biddr.com/auctions/x/browse?a=900&l=7",
    )
    (lot,) = page.listings
    assert (lot.record_id, lot.text) == ("900-7", "John Hyrcanus I. Prutah.")


@pytest.mark.parametrize(
    "link",
    [
        "browse?l={n}&a=900",
        "browse?a=900&p=2&l={n}",
        "/auctions/x/browse?a=900&l={n}#x",
    ],
)
def test_the_links_of_biddr_are_read_in_any_order(link):
    text = pages.biddr()
    for number in (101, 102, 103):
        asked = f"/auctions/housea/browse?a=900&amp;l={number}"
        text = text.replace(asked, link.format(n=number).replace("&", "&amp;"))
    page = biddr.parse_page(text, "https://www.biddr.com/auctions/x/browse?a=900")
    assert [lot.record_id for lot in page.listings] == ["900-101", "900-102", "900-103"]


def test_a_page_of_several_of_biddr_shows_fewer_than_all():
    several = (
        "<select class='pagination-1'><option>1<option>2</select>"
        "<div class='catalog-timetable'>Session 1: 14 March 2021</div>"
    )
    text = pages.biddr(announced=240)
    with pytest.raises(PageChangedError, match="announces 240"):
        biddr.parse_page(text, "https://www.biddr.com/auctions/x/browse?a=900")
    for whole, url in (
        (text, "?a=900&c=12"),
        (text.replace("<div", several + "<div", 1), "?a=900"),
    ):
        page = biddr.parse_page(whole, f"https://www.biddr.com/auctions/x/browse{url}")
        assert (len(page.listings), page.announced) == (3, 240)
    assert page.listings[0].date == "Session 1: 14 March 2021"


def test_the_words_of_the_auction_are_not_those_of_the_lot():
    text = (
        "<div class='catalog-description'>Coins of Alexander Jannaeus and others</div>"
        "<meta property='og:description' content='John Hyrcanus I. Prutah.'><h1>Lot 7"
    )
    url = "https://www.biddr.com/auctions/x/browse?l=7&a=900"
    (lot,) = biddr.parse_page(text, url).listings
    assert (lot.record_id, lot.text) == ("900-7", "John Hyrcanus I. Prutah.")
