"""Pages saved by hand: folders, MHTML and ZIP archives."""

from __future__ import annotations

import base64
import zipfile

import pytest

from scrapers.base import Source
from scrapers.errors import NotFoundError, PageChangedError, ScrapeError
from scrapers.sources import acsearch, biddr, coinarchives, numisbids
from scrapers.sources.saved import SavedPages, open_page
from tests.scrapers import saved_pages as pages
from tests.scrapers.fake_sites import draw_png


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
