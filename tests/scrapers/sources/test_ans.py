"""The feed and records of the American Numismatic Society."""

from __future__ import annotations

import pytest

from scrapers.base import ImageSide
from scrapers.errors import (
    PageChangedError,
    UnexpectedAnswerError,
)
from scrapers.sources import ans
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply


def test_the_ans_is_read_by_sides(site, client):
    one = museums.ans(site, count=3)
    source = ans.Ans(client(one), base=one.address)
    listings = list(source.find('authority_facet:"Alexander Jannaeus"'))
    assert [lot.record_id for lot in listings] == [f"1944.100.{n}" for n in range(3)]
    lot = listings[2]
    assert lot.title == "Bronze Prutah, Jerusalem"
    assert lot.text == (
        "Alexander Jannaeus, 103-76 BC. Jerusalem. Obverse: יהוחנן Wreath. "
        "Reverse: Double cornucopia"
    )
    assert (lot.weight_g, lot.diameter_mm, lot.die_axis_h) == (1.94, 14.5, 12)
    assert lot.denomination == "Prutah"
    assert lot.references == ("Meshorer TJC B",)
    assert lot.licence == "pdm-1.0"
    assert [image.side for image in lot.images] == [
        ImageSide.OBVERSE,
        ImageSide.REVERSE,
    ]
    assert source.fetch(lot.images[0]) != source.fetch(lot.images[1])


def test_a_feed_of_several_pages_is_counted():
    ids, total = ans.parse_feed(museums.ans_feed([f"a.{n}" for n in range(100)], 230))
    assert (len(ids), ids[0], total) == (100, "a.0", 230)


@pytest.mark.parametrize(
    ("feed", "error"),
    [
        (museums.ans_feed(["a.1"], 5), PageChangedError),
        ("<html><p>maintenance</html>", UnexpectedAnswerError),
        ("<rss><channel/></rss>", PageChangedError),
        ("<!DOCTYPE html><html/>", UnexpectedAnswerError),
        ("<rss>", UnexpectedAnswerError),
    ],
)
def test_a_feed_that_is_not_what_it_says_ends_the_run(site, client, feed, error):
    one = museums.ans(site, count=1)
    one.routes["/search/apis/search"] = lambda _: Reply(feed, kind="text/xml")
    with pytest.raises((error, PageChangedError)):
        list(ans.Ans(client(one), base=one.address).find("x"))


def test_a_feed_that_repeats_its_first_page_ends_the_run(site, client):
    one = museums.ans(site, count=100)
    feed = museums.ans_feed([f"1944.100.{n}" for n in range(100)], 200)
    one.routes["/search/apis/search"] = lambda _: Reply(feed, kind="text/xml")
    source = ans.Ans(client(one), base=one.address)
    source.try_record = lambda _: None
    with pytest.raises(PageChangedError, match="same objects again"):
        list(source.find("x"))


def test_a_damaged_record_of_the_ans_is_left_out(site, client):
    one = museums.ans(site, count=2)
    good = one.routes["/search/id/"]
    one.routes["/search/id/"] = lambda request: (
        Reply("<nuds>", kind="text/xml") if "100.0" in request.path else good(request)
    )
    source = ans.Ans(client(one), base=one.address)
    assert [lot.record_id for lot in source.find("x")] == ["1944.100.1"]
    assert "damaged XML" in source.problems[0]


def test_a_record_refers_to_its_type(site, client):
    one = museums.ans(site, count=1)
    full = museums.ans_record("1944.100.0", 0, one.address)
    begin, end = full.index("<typeDesc>"), full.index("</typeDesc>")
    bare = (full[:begin] + "<typeDesc>" + full[end:]).replace(
        "<reference>", f'<reference xlink:href="{one.address}/search/types/t1">'
    )
    one.routes["/search/id/"] = lambda _: Reply(bare, kind="text/xml")
    source = ans.Ans(client(one), base=one.address)
    one.routes["/search/types/t1.xml"] = Reply("<overloaded/>", kind="text/xml")
    assert list(source.find("x")) == []
    one.routes["/search/types/t1.xml"] = lambda _: Reply(full, kind="text/xml")
    (lot,) = source.find("x")
    assert "John Hyrcanus I" in lot.text


def test_xml_bombs_are_not_read():
    bomb = '<!DOCTYPE a [<!ENTITY b "x">]><nuds>&b;</nuds>'
    with pytest.raises(UnexpectedAnswerError):
        ans.parse_record(bomb)


def test_rights_of_the_ans_go_before_the_rule():
    extra = (
        '<rightsStmt><license for="images" xlink:href="https://creativecommons.org/'
        'licenses/by-nc/4.0/">CC BY-NC</license></rightsStmt>'
    )
    lot = ans.parse_record(museums.ans_record("1.1.1", 0, "https://x", extra))
    assert lot.licence == "cc-by-nc-4.0"
    young = museums.ans_record("1.1.1", 0, "https://x").replace("-0076", "1976")
    assert ans.parse_record(young).licence is None


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("images.example.org/iiif/1.jpg", "https://images.example.org/iiif/1.jpg"),
        ("//images.example.org/iiif/1.jpg", "https://images.example.org/iiif/1.jpg"),
        ("/iiif/1.jpg", "https://numismatics.org/iiif/1.jpg"),
        ("iiif/1.jpg", "https://numismatics.org/iiif/1.jpg"),
    ],
)
def test_a_compact_record_is_read(written, address):
    record = (
        '<nuds xmlns="http://nomisma.org/nuds" xmlns:xlink="http://www.w3.org/1999/'
        'xlink" xmlns:t="http://www.tei-c.org/ns/1.0" xmlns:mets="http://www.loc.gov/'
        'METS/"><control><recordId>1900.1.1</recordId><rightsStmt><license xlink:href='
        '"https://creativecommons.org/publicdomain/mark/1.0/">Public Domain Mark'
        "</license></rightsStmt></control><descMeta><title>Bronze</title><typeDesc>"
        '<dateRange><fromDate standardDate="-0102">103 BC</fromDate><toDate '
        'standardDate="-0075">76 BC</toDate></dateRange></typeDesc><refDesc><reference>'
        "<t:title>Hendin</t:title><t:idno>1145</t:idno></reference></refDesc></descMeta>"
        '<digRep><mets:fileSec><mets:fileGrp USE="obverse"><mets:file USE="iiif">'
        f'<mets:FLocat LOCTYPE="URL" xlink:href="{written}"/></mets:file>'
        "</mets:fileGrp></mets:fileSec></digRep></nuds>"
    )
    lot = ans.parse_record(record)
    assert lot.images[0].url == f"{address}/full/!1600,1600/0/default.jpg"
    assert lot.date == "103 BC - 76 BC"
    assert lot.references == ("Hendin 1145",)
    assert lot.licence == "pdm-1.0"
