"""Result pages of CoinArchives: rows, counts, closest matches."""

from __future__ import annotations

import pytest

from scrapers.errors import PageChangedError
from scrapers.sources import coinarchives
from tests.scrapers import saved_pages as pages


@pytest.mark.parametrize("pro", [False, True])
def test_coinarchives_is_read(pro):
    host = "pro" if pro else "www"
    url = f"https://{host}.coinarchives.com/a/results.php?search=john+hyrcanus"
    text = pages.coinarchives()
    if pro:
        text = text.replace(" from auctions added in the last six months", "")
    page = coinarchives.parse_page(text, url)
    assert (page.announced, page.query) == (3, "john hyrcanus")
    lot = page.listings[1]
    assert lot.key == "coinarchives:102"
    assert lot.text == pages.LOTS[1][2]
    assert lot.date == "1 Sep 2026"
    assert lot.images[0].url == f"https://{host}.coinarchives.com/photos/102.jpg"
    assert lot.url.startswith(f"https://{host}.coinarchives.com/a/lotviewer.php?")


def test_one_number_with_two_texts_is_two_lots():
    lots = [(101, "A", "one coin"), (101, "A", "another"), (101, "A", "one coin")]
    page = coinarchives.parse_page(pages.coinarchives(lots))
    assert [lot.text for lot in page.listings] == ["one coin", "another"]
    assert len({lot.key for lot in page.listings}) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (pages.coinarchives(announced=7), "announces 7"),
        (pages.coinarchives(announced=2), "announces 2"),
        (pages.coinarchives(extra="<p>Closest matches:</p>"), "other coins"),
        (pages.coinarchives([], announced="no", extra="Closest matches"), "other"),
        (pages.coinarchives().replace("matched", "met"), "no header"),
        (pages.coinarchives().replace("lotviewer", "viewer"), "no link"),
    ],
)
def test_a_coinarchives_page_that_is_not_what_it_says_is_refused(text, words):
    with pytest.raises(PageChangedError, match=words):
        coinarchives.parse_page(text)


def test_a_full_page_of_a_longer_list_is_read():
    lots = [(number, "A", f"coin {number}") for number in range(100, 200)]
    page = coinarchives.parse_page(pages.coinarchives(lots, announced="1,234"))
    assert (len(page.listings), page.announced) == (100, 1234)


LOT_PAGE = (
    "<html><head><title>CoinArchives.com Lot Viewer</title></head><body>"
    "<img src='/images/logo.png'><table><tr><td>House A &gt; Auction 302</td>"
    "<td>Auction date: 4 March 2024<br>Lot number: 249</td></tr>"
    "<tr><td>Price realized: 100 EUR</td></tr><tr><td>Lot description:<br><br>"
    "John Hyrcanus I. AE prutah, 1.91 g.</td></tr></table>"
    "<img src='./lot_files/image.jpg'></body></html>"
)


@pytest.mark.parametrize(
    ("url", "record_id"),
    [
        ("http://www.coinarchives.com/lotviewer.php?LotID=77&AucID=5", "77"),
        ("", None),
    ],
)
def test_a_page_of_one_lot_is_read(url, record_id):
    (lot,) = coinarchives.parse_page(LOT_PAGE, url).listings
    assert lot.text == "John Hyrcanus I. AE prutah, 1.91 g."
    assert (lot.title, lot.date) == ("House A > Auction 302, lot 249", "4 March 2024")
    assert lot.images[0].url.endswith("/lot_files/image.jpg")
    assert record_id is None or lot.record_id == record_id


def test_a_page_of_one_lot_without_its_description_is_refused():
    with pytest.raises(PageChangedError, match="no description"):
        coinarchives.parse_page(LOT_PAGE.replace("Lot description", "Remarks"))
