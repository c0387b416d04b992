"""Pages saved by hand: what is read, and what is refused."""

from __future__ import annotations

import base64
import zipfile
from urllib.parse import urlencode

import pytest

from scrapers.base import ImageSide, Source
from scrapers.errors import NotFoundError, PageChangedError, ScrapeError
from scrapers.sources import acsearch, biddr, coinarchives, numisbids
from scrapers.sources.saved import SavedPages, open_page
from tests.scrapers import saved_pages as pages
from tests.scrapers.fake_sites import draw_png


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
    ("read", "text"),
    [
        (biddr.parse_page, "<html>biddr.com</html>"),
        (biddr.parse_page, pages.biddr(announced=2)),
        (numisbids.parse_page, "<html>numisbids.com</html>"),
    ],
)
def test_a_list_without_its_lots_is_refused(read, text):
    with pytest.raises(PageChangedError):
        read(text)


def test_numisbids_is_read():
    page = numisbids.parse_page(
        pages.numisbids(), "https://www.numisbids.com/searchall?searchall=prutah"
    )
    assert page.query == "prutah"
    lot = page.listings[2]
    assert (lot.record_id, lot.title) == ("444-103", "House C, Auction 1, Lot 4")
    assert lot.images[0].url == "https://media.numisbids.com/103.jpg"


def test_a_folder_of_pages_is_a_source(tmp_path):
    photo, larger = draw_png(1), draw_png(2)
    view = [
        (101, "A", "x", "a_files/101.s.jpg"),
        (102, "B", "y", f"data:image/png;base64,{base64.b64encode(photo).decode()}"),
    ]
    text = pages.acsearch(view=view)
    (tmp_path / "a.html").write_text(text, encoding="utf-8")
    beside = tmp_path / "a_files"
    beside.mkdir()
    (beside / "101.s.jpg").write_bytes(photo)
    (beside / "101.m.jpg").write_bytes(larger)
    (beside / "frame.html").write_text("<p>an advertisement")
    (tmp_path / "b.mhtml").write_bytes(
        pages.mhtml(
            pages.coinarchives([pages.LOTS[2]], announced=1),
            "https://pro.coinarchives.com/a/results.php?search=hyrcanus",
            {"https://pro.coinarchives.com/photos/103.jpg": larger},
        )
    )
    (tmp_path / "shopping.html").write_text("<p>eggs and milk")
    source = SavedPages()
    assert isinstance(source, Source)
    assert len(source.plan(str(tmp_path))) == 3
    lots = {lot.key: lot for lot in source.find(str(tmp_path))}
    assert set(lots) == {
        *("acsearch:101", "acsearch:102", "acsearch:103", "coinarchives:103")
    }
    assert source.fetch(lots["acsearch:101"].images[0]) == larger
    assert source.fetch(lots["acsearch:102"].images[0]) == photo
    assert source.fetch(lots["coinarchives:103"].images[0]) == larger
    with pytest.raises(NotFoundError, match="not saved along"):
        source.fetch(lots["acsearch:103"].images[0])
    (problem,) = source.problems
    assert problem.startswith("shopping.html")


@pytest.mark.parametrize("way", ["folder", "mhtml", "zip of a folder", "zip of mhtml"])
@pytest.mark.parametrize("site", pages.SAVED)
def test_each_site_is_read_however_its_page_was_saved(tmp_path, site, way):
    text, url, place = pages.SAVED[site]
    photos = {place.format(n=n): draw_png(n) for n in (101, 102, 103)}
    files = {"found.mhtml": pages.mhtml(text, url, photos)}
    if "folder" in way:
        comment = f"<!-- saved from url=({len(url):04}){url} -->"
        files = {"found.html": (comment + text).encode()} | {
            f"found_files/{photo.rpartition('/')[2]}": data
            for photo, data in photos.items()
        }
    where = tmp_path / "pages"
    for name, data in files.items():
        path = where / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    if "zip" in way:
        where = tmp_path / "pages.zip"
        with zipfile.ZipFile(where, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"my pages/{name}", data)
    source = SavedPages()
    lots = list(source.find(str(where)))
    assert source.problems == []
    assert [lot.source for lot in lots] == [site] * 3
    assert [source.fetch(lot.images[0]) for lot in lots] == list(photos.values())


@pytest.mark.parametrize(
    ("read", "text", "url"),
    [
        (
            acsearch.parse_page,
            pages.acsearch(),
            "https://www.acsearch.info/search.html?term=%22Judah+Aristobulus%22",
        ),
        (
            coinarchives.parse_page,
            pages.coinarchives(),
            "https://www.coinarchives.com/a/results.php?search=alexander+jannaeus",
        ),
    ],
)
def test_a_page_that_answers_another_question_is_refused(read, text, url):
    with pytest.raises(PageChangedError, match="was asked for"):
        read(text, url)


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


def test_the_address_tells_the_site(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(pages.numisbids().replace("<body>", "<body>see acsearch.info"))
    assert open_page(path)[0].listings[0].source == "numisbids"
    path.write_text(pages.biddr(), encoding="utf-16")
    assert open_page(path)[0].listings[0].source == "biddr"


def test_nothing_to_read_is_told(tmp_path):
    with pytest.raises(ScrapeError, match="neither"):
        list(SavedPages().find(str(tmp_path / "none")))
    with pytest.raises(ScrapeError, match="no saved pages"):
        list(SavedPages().find(str(tmp_path)))
    (tmp_path / "cut.mhtml").write_bytes(b"From: <Saved by Blink>\r\nMIME-Ver")
    source = SavedPages()
    assert list(source.find(str(tmp_path))) == []
    assert "saved to its end" in source.problems[0]


def test_a_zip_of_pages_is_read_and_nothing_leads_out_of_it(tmp_path):
    photo = draw_png(1)
    path = tmp_path / "pages.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "day 1/a.html", pages.acsearch(view=[(101, "A", "x", "a_files/101.s.jpg")])
        )
        archive.writestr("day 1/a_files/101.s.jpg", photo)
        archive.writestr("../outside.html", pages.biddr())
        archive.writestr("inner.zip", b"PK")
    source = SavedPages()
    lots = {lot.key: lot for lot in source.find(str(path))}
    assert set(lots) == {"acsearch:101", "acsearch:102", "acsearch:103"}
    assert source.fetch(lots["acsearch:101"].images[0]) == photo
    assert len(source.problems) == 2
    assert not (tmp_path.parent / "outside.html").exists()


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"no archive"])
def test_a_damaged_zip_is_told(tmp_path, data):
    (tmp_path / "pages.zip").write_bytes(data)
    source = SavedPages()
    assert list(source.find(str(tmp_path))) == []
    (problem,) = source.problems
    assert problem.startswith("pages.zip")


def test_a_zip_without_pages_is_told(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", draw_png(1))
    source = SavedPages()
    assert list(source.find(str(tmp_path))) == []
    assert "no saved pages" in source.problems[0]


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
