"""Pages saved by hand: folders, MHTML and ZIP archives."""

from __future__ import annotations

import base64
import quopri
import time
import zipfile

import pytest

from scrapers import html_utils
from scrapers.base import Source
from scrapers.errors import NotFoundError, PageChangedError, ScrapeError
from scrapers.sources import acsearch, biddr, coinarchives, numisbids, saved
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


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("lot_fichiers", "./lot_fichiers/1.png"),
        ("lot-Dateien", "lot-Dateien/1.png"),
        ("lot_archivos", "https://media.numisbids.com/1.png"),
        ("lot_קבצים", "https://media.numisbids.com/1.png"),
        ("קובצי הדף", "./%D7%A7%D7%95%D7%91%D7%A6%D7%99%20%D7%94%D7%93%D7%A3/1.png"),
    ],
)
def test_photos_are_found_in_the_folder_of_any_browser(tmp_path, folder, source):
    photo = draw_png(1)
    (tmp_path / "lot.html").write_text(
        "<!-- saved from url=(0044)https://www.numisbids.com/sale/6246/lot/1901 -->"
        f"<div class=viewlot><img src='{source}'><div class=description>Prutah.</div>",
        encoding="utf-8",
    )
    for name, data in ((folder, photo), ("other_fichiers", draw_png(2))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(data)
    source_of_pages = SavedPages()
    (lot,) = source_of_pages.find(str(tmp_path))
    assert source_of_pages.fetch(lot.images[0]) == photo


def test_files_of_a_page_are_no_pages_whatever_the_browser_calls_their_folder(tmp_path):
    (tmp_path / "a.html").write_text(pages.numisbids())
    for name in ("a_fichiers", "day_2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.html").write_text(pages.biddr())
    planned = SavedPages().plan(str(tmp_path))
    assert [line.rpartition("/")[2] for line in planned] == ["a.html", "b.html"]
    assert "day_2" in planned[1]


def test_a_page_of_singlefile_has_its_address_and_its_photo(tmp_path):
    photo = base64.b64encode(draw_png(1)).decode()
    (tmp_path / "lot.html").write_text(
        "<!DOCTYPE html><html lang=en><!--\n Page saved with SingleFile \n url: "
        "https://www.numisbids.com/n.php?p=lot&sid=62&lot=7 \n saved date: Tue -->"
        f"<div class=viewlot><img src='data:application/octet-stream;base64,{photo}'>"
        "<div class=description>Prutah.</div></div>"
    )
    source = SavedPages()
    (lot,) = source.find(str(tmp_path))
    assert lot.key == "numisbids:62-7"
    assert source.fetch(lot.images[0]) == draw_png(1)


NUMISBIDS = (
    "<!-- saved from url=(0046)https://www.numisbids.com/searchall?searchall=prutah -->"
)
ACSEARCH = "<!-- saved from url=(0046)https://www.acsearch.info/search.html?term=x -->"
ARCHIVES = "<!-- saved from url=(1)https://www.coinarchives.com/a/results.php?search=x "


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (NUMISBIDS + "x" * (21 << 20), "more than 20 MB without its photos"),
        (NUMISBIDS + "<p>x</p>" * 2_100, "more than 2,000 tags"),
        (NUMISBIDS + "<p>x</p>" * 600_000, "more than 1,000,000 tags"),
        (NUMISBIDS + "&" * 1_100_000, "more than 1,000,000 tags"),
        (NUMISBIDS + "<a " + "b=c " * 50_000 + ">", "very long ones"),
        (NUMISBIDS + ("<a " + "b=c " * 20_000 + ">") * 6, "very long ones"),
        (NUMISBIDS + "<a " * 100_000, "very long ones"),
        (NUMISBIDS + "<a " * 1_000, "without an end"),
        (NUMISBIDS + "<a b='>'" * 100_000, "very long ones"),
        (NUMISBIDS + "<!--" * 100_000, "without an end"),
        (NUMISBIDS + "<script>" + "</" * 100_000, "without an end"),
        (NUMISBIDS + "<div>" * 1_990 + "x" * 200_000, "nested too deeply"),
        (NUMISBIDS + "<div>" * 500 + "x" * 1_000_000, "nested too deeply"),
        (NUMISBIDS + f"&#{'9' * 5000};", "damaged"),
        (NUMISBIDS + f"<a href='/sale/4/lot/1&#{'9' * 5000};'>x</a>", "damaged"),
        (
            NUMISBIDS
            + ("<img src='data:image/png;base64," + "A" * 300 + "'>") * 20_001,
            "photos",
        ),
        (
            NUMISBIDS + "".join(f"<a href='/sale/4/lot/{n}'>x</a>" for n in range(51)),
            "lots",
        ),
        (f"{ACSEARCH}<p>&amp;#{'9' * 5000};", "damaged"),
        (f"{ACSEARCH}<script>acsearch.initSearchResults = {'[' * 99_999}", "damaged"),
        (f"{ACSEARCH}<script>acsearch.initSearchResults = [{'9' * 5000}]", "damaged"),
        (f"{ACSEARCH}Results 1-{'9' * 5000} of 3", "announces"),
        (
            f"{ARCHIVES}--><p class=resultsinfo>search for 'x' matched {'9' * 5000}",
            "no header",
        ),
    ],
)
def test_a_page_that_would_take_long_is_left_out_and_the_rest_is_read(
    tmp_path, monkeypatch, page, words
):
    """The limits of numbers are lower here, to be quick."""
    for name, limit in (("TAGS", 2_000), ("ATTRIBUTES", 60_000), ("LOTS", 50)):
        monkeypatch.setattr(html_utils, f"MOST_{name}", limit)
    (tmp_path / "a.html").write_text(page)
    (tmp_path / "b.html").write_text(pages.biddr())
    source = SavedPages()
    begun = time.process_time()
    assert len(list(source.find(str(tmp_path)))) == 3
    assert time.process_time() - begun < 30
    (problem,) = source.problems
    assert problem.startswith("a.html: ")
    assert words in problem


def test_links_that_take_long_to_read_are_cut(tmp_path):
    """Each pattern looks at a link from each of its words on."""
    link = "browse?" * 12_000
    (tmp_path / "a.html").write_text(pages.biddr() + f"<a href='{link}'>x</a>")
    header = "search for ' " * 200_000
    (tmp_path / "b.html").write_text(f"{ARCHIVES}--><p class=resultsinfo>{header}")
    source = SavedPages()
    begun = time.process_time()
    assert len(list(source.find(str(tmp_path)))) == 3
    assert time.process_time() - begun < 30
    assert len(source.problems) == 1


@pytest.mark.parametrize("link", ["http://[/sale/444/lot/9", "//[x]/sale/444/lot/9"])
def test_a_link_that_is_none_costs_nothing_else(tmp_path, link):
    lot = f"<div class=browse><a href='{link}'>x</a><img src='http://[y'>Prutah</div>"
    (tmp_path / "a.html").write_text(pages.numisbids().replace("</body>", lot))
    (tmp_path / "b.html").write_text(f"<!-- saved from url=(1){link} --><p>eggs")
    source = SavedPages()
    lots = {one.record_id: one for one in source.find(str(tmp_path))}
    assert len(lots) == 4
    with pytest.raises(NotFoundError):
        source.fetch(lots["444-9"].images[0])
    assert len(source.problems) == 1


def test_large_photos_in_a_page_do_not_count_as_page(tmp_path, monkeypatch):
    """Each comes back whole, also from a variable of a style, under its own address."""
    monkeypatch.setattr(saved, "PAGE_BYTES", 20_000)
    first, second = (draw_png(n, size_px=n) + bytes(30_000) for n in (50, 60))
    one, other = (base64.b64encode(photo).decode() for photo in (first, second))
    (tmp_path / "a.html").write_text(
        f"{NUMISBIDS}<style>:root{{--sf-img-1: url(data:image/png;base64,{other})}}"
        f"</style><div class=browse><a href='/sale/4/lot/1'>Lot</a><img src='data:image"
        f"/png;base64,{one}'> Prutah</div><div class=browse><a href='/sale/4/lot/2'>Lot"
        "</a><img style='background: var(--sf-img-1)'> Prutah</div>"
    )
    source = SavedPages()
    lots = list(source.find(str(tmp_path)))
    assert [source.fetch(lot.images[0]) for lot in lots] == [first, second]
    assert lots[0].images[0].url == f"data:image/png;base64,{one}"
    assert source.problems == []
    monkeypatch.setattr(saved, "PHOTO_BYTES", 10_000)
    (lot, _) = source.find(str(tmp_path))
    with pytest.raises(NotFoundError) as told:
        source.fetch(lot.images[0])
    assert len(str(told.value)) < 500
    monkeypatch.setattr(saved, "FILE_BYTES", 50_000)
    assert list(source.find(str(tmp_path))) == []
    assert "The file has more than" in source.problems[0]


@pytest.mark.parametrize(
    ("head", "body", "words"),
    [
        *(
            ("", b"--B\r\n\r\nx\r\n" * 20_001, "parts"),
            ("X: " + "a" * 100_000 + "\r\n", b"", "no page in it"),
            (f"Content-Type: text/html; charset*{'9' * 5000}=x\r\n", b"", "damaged"),
        ),
        (
            "",
            b"--B\r\n"
            + b"".join(
                b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n)
                for n in range(3000)
            ),
            "nested too deeply",
        ),
    ],
)
def test_an_mhtml_file_of_too_many_parts_is_told(tmp_path, head, body, words):
    start = "From: <Saved by Blink>\r\nMIME-Version: 1.0\r\n" + head
    kind = 'Content-Type: multipart/related; boundary="B"\r\n\r\n'
    (tmp_path / "a.mhtml").write_bytes((start + kind).encode() + body)
    source = SavedPages()
    assert list(source.find(str(tmp_path))) == []
    (problem,) = source.problems
    assert words in problem


def test_the_parts_of_mhtml_are_read_in_each_of_their_encodings(tmp_path):
    """Also one in another, with lines ended in either way, and without padding."""
    photo = draw_png(1)
    page = pages.numisbids().replace("//media.numisbids.com/102.jpg", "cid:two@x")
    packed = base64.b64encode(photo)

    def part(*lines: bytes) -> bytes:
        return b"\n--C\n" + b"\n".join(lines)

    (tmp_path / "a.mht").write_bytes(
        b"MIME-Version: 1.0\nContent-Type: multipart/related;\n boundary=C\n"
        + part(
            b"Content-Type: multipart/alternative; boundary=C2",
            *(b"", b"--C2", b"Content-Type: text/html; charset=utf-8"),
            *(b"Content-Transfer-Encoding: quoted-printable", b""),
            quopri.encodestring(page.encode()) + b"\n--C2--",
        )
        + part(
            b"Content-Location: https://media.numisbids.com/101.jpg",
            *(b"Content-Transfer-Encoding: base64", b"", packed.rstrip(b"=")),
        )
        + part(b"Content-ID: <two@x>", b"Content-Transfer-Encoding: binary", b"", photo)
        + part(b"Content-Location: https://media.numisbids.com/103.jpg", b"", b"")
        + b"\n--C--\n"
    )
    source = SavedPages()
    lots = list(source.find(str(tmp_path)))
    assert [source.fetch(lot.images[0]) for lot in lots[:2]] == [photo, photo]
    with pytest.raises(NotFoundError):
        source.fetch(lots[2].images[0])


def test_an_archive_that_grows_too_much_is_told(tmp_path, monkeypatch):
    """By its whole, where no file of it is suspicious alone."""
    zeros = bytes(9 << 20)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.html", pages.biddr())
        for number in range(15):
            archive.writestr(f"a_files/{number}.jpg", zeros)
    (tmp_path / "b.html").write_text(pages.numisbids())
    source = SavedPages()
    assert len(list(source.find(str(tmp_path)))) == 3
    assert "far more than pages and photos" in source.problems[0]
    for name, value, words in (
        ("ARCHIVE_BYTES", 1 << 20, "unpacks to more than"),
        ("MOST_FILES", 5, "more than 5 files"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(saved, name, value)
            source = SavedPages()
            assert len(list(source.find(str(tmp_path)))) == 3
        assert words in source.problems[0]


@pytest.mark.parametrize("data", ["AAAé", "A", "%C3%A9", "&#xD800;", "====", "\u202e"])
def test_a_photo_in_a_page_that_is_no_base64_counts_as_missing(tmp_path, data):
    (tmp_path / "a.html").write_text(
        f"{NUMISBIDS}<div class=browse><a href='/sale/4/lot/1'>Lot</a>"
        f"<img src='data:image/png;base64,{data}'> Prutah</div>",
        encoding="utf-8",
    )
    source = SavedPages()
    (lot,) = source.find(str(tmp_path))
    with pytest.raises(NotFoundError):
        source.fetch(lot.images[0])
