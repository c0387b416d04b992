"""Pages of NumisBids: lists and single lots."""

from __future__ import annotations

import pytest

from scrapers.sources import numisbids
from tests.scrapers import saved_pages as pages


def test_numisbids_is_read():
    page = numisbids.parse_page(
        pages.numisbids(), "https://www.numisbids.com/searchall?searchall=prutah"
    )
    assert page.query == "prutah"
    lot = page.listings[2]
    assert (lot.record_id, lot.title) == ("444-103", "House C, Auction 1, Lot 4")
    assert lot.images[0].url == "https://media.numisbids.com/103.jpg"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.numisbids.com/n.php?p=lot&sid=444&lot=103",
        "https://www.numisbids.com/n.php?lot=103&p=lot&sid=444",
        "https://www.numisbids.com/sale/444/lot/103",
        "https://www.numisbids.com/sale/444/lot/103/anything",
    ],
)
def test_one_lot_of_numisbids_is_read(url):
    text = "<div class='viewlottext'>Judah Aristobulus I. Prutah.</div>"
    (lot,) = numisbids.parse_page(text, url).listings
    assert (lot.record_id, lot.text) == ("444-103", "Judah Aristobulus I. Prutah.")
