"""The open collections: what is asked, what is read, what ends a run."""

from __future__ import annotations

import json

import pytest

from scrapers.base import ImageSide, Source
from scrapers.errors import (
    PageChangedError,
    ScrapeError,
    SiteBusyError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)
from scrapers.sources import ans, commons, ikmk, nomisma
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply


def test_commons_is_read_to_its_end(site, client):
    one = museums.commons(site, count=7, batch=3)
    source = commons.Commons(client(one), base=one.address)
    assert isinstance(source, Source)
    listings = list(source.find('"Alexander Jannaeus" prutah'))
    assert [lot.title for lot in listings] == [f"Prutah {n}" for n in range(7)]
    lot = listings[2]
    assert lot.licence == "cc-by-sa-3.0"
    assert lot.licence_raw == "CC BY-SA 3.0"
    assert lot.credit == "Photographer 2 / Own work"
    assert lot.text == "Alexander Jannaeus, 103-76 BC. AE prutah, wreath & horns."
    assert lot.images[0].url == f"{one.address}/files/2.png"
    assert source.fetch(lot.images[0]).startswith(b"\x89PNG")
    assert len(one.asked("/w/api.php")) == 3


def test_a_category_of_commons_is_asked_as_such():
    params = commons.search_params("Category:Coins of Alexander Jannaeus")
    assert params["generator"] == "categorymembers"
    assert params["gcmtitle"] == "Category:Coins of Alexander Jannaeus"
    assert commons.search_params("prutah")["gsrnamespace"] == "6"


def test_what_is_no_photo_on_commons_is_left_out():
    video = museums.commons_file("http://x", 1)
    video["imageinfo"][0]["mime"] = "video/webm"
    missing = {"pageid": 3, "title": "File:gone.png", "missing": True}
    answer = {"batchcomplete": True, "query": {"pages": [video, missing]}}
    assert commons.parse_answer(answer) == ((), None)
    assert commons.parse_answer({"batchcomplete": True}) == ((), None)


@pytest.mark.parametrize("answer", [[], {"query": {}}, {"query": {"pages": {}}}, "x"])
def test_another_answer_of_commons_is_refused(answer):
    if answer == {"query": {}}:
        assert commons.parse_answer(answer) == ((), None)
        return
    with pytest.raises(UnexpectedAnswerError):
        commons.parse_answer(answer)


def test_a_licence_that_is_not_known_stays_without_a_key():
    page = museums.commons_file(
        "http://x", 1, LicenseShortName="Custom terms", LicenseUrl=""
    )
    (lot,), _ = commons.parse_answer({"query": {"pages": [page]}})
    assert (lot.licence, lot.licence_raw) == (None, "Custom terms")


def test_a_busy_commons_is_asked_again_and_its_error_not_kept(site, client):
    one = museums.commons(site, count=1)
    real, answers = one.routes["/w/api.php"], []

    def busy_once(request):
        answers.append(request)
        if len(answers) == 1:
            error = {"error": {"code": "maxlag", "info": "Waiting for a database"}}
            return Reply(json.dumps(error), kind="application/json")
        return real(request)

    one.routes["/w/api.php"] = busy_once
    assert len(list(commons.Commons(client(one), base=one.address).find("x"))) == 1
    one.routes["/w/api.php"] = lambda _: Reply(
        json.dumps({"error": {"code": "badvalue", "info": "no"}}),
        kind="application/json",
    )
    with pytest.raises(UnexpectedAnswerError, match="does not understand"):
        list(commons.Commons(client(one), base=one.address).find("y"))


def test_an_endless_continue_is_noticed(site, client):
    one = museums.commons(site, count=1)
    answer = json.dumps({"query": {"pages": []}, "continue": {"gsroffset": 1}})
    one.routes["/w/api.php"] = lambda _: Reply(answer, kind="application/json")
    with pytest.raises(PageChangedError, match="continue"):
        list(commons.Commons(client(one), base=one.address).find("x"))


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


def test_a_damaged_record_of_the_ans_is_left_out(site, client):
    one = museums.ans(site, count=2)
    good = one.routes["/search/id/"]
    one.routes["/search/id/"] = lambda request: (
        Reply("<nuds>", kind="text/xml") if "100.0" in request.path else good(request)
    )
    source = ans.Ans(client(one), base=one.address)
    assert [lot.record_id for lot in source.find("x")] == ["1944.100.1"]
    assert "damaged XML" in source.problems[0]


def test_rights_of_the_ans_go_before_the_rule():
    extra = (
        '<rightsStmt><license for="images" xlink:href="https://creativecommons.org/'
        'licenses/by-nc/4.0/">CC BY-NC</license></rightsStmt>'
    )
    lot = ans.parse_record(museums.ans_record("1.1.1", 0, "https://x", extra))
    assert lot.licence == "cc-by-nc-4.0"
    young = museums.ans_record("1.1.1", 0, "https://x").replace("-0076", "1976")
    assert ans.parse_record(young).licence is None


def test_a_record_refers_to_its_type(site, client):
    one = museums.ans(site, count=1)
    full = museums.ans_record("1944.100.0", 0, one.address)
    begin, end = full.index("<typeDesc>"), full.index("</typeDesc>")
    bare = (full[:begin] + "<typeDesc>" + full[end:]).replace(
        "<reference>", f'<reference xlink:href="{one.address}/search/types/t1">'
    )
    one.routes["/search/id/"] = lambda _: Reply(bare, kind="text/xml")
    one.routes["/search/types/t1.xml"] = lambda _: Reply(full, kind="text/xml")
    (lot,) = ans.Ans(client(one), base=one.address).find("x")
    assert "John Hyrcanus I" in lot.text


def test_xml_bombs_are_not_read():
    bomb = '<!DOCTYPE a [<!ENTITY b "x">]><nuds>&b;</nuds>'
    with pytest.raises(UnexpectedAnswerError):
        ans.parse_record(bomb)


def test_berlin_is_read_within_a_session(site, client):
    one = museums.ikmk(site, count=3)
    source = ikmk.Ikmk(client(one), base=one.address)
    listings = list(source.find("Iannaios"))
    assert [lot.record_id for lot in listings] == ["182000", "182001", "182002"]
    lot = listings[0]
    assert lot.title == "John Hyrcanus I, 135-104 BC"
    assert "Obverse: יהונתן" in lot.text
    assert (lot.weight_g, lot.diameter_mm, lot.die_axis_h) == (2.05, 14.0, 12)
    assert lot.licence == "pdm-1.0"
    assert lot.credit.endswith("Lutz-Jürgen Lübke")
    assert lot.references == ("Meshorer, TJC P", "Hendin 1145")
    assert [image.side for image in lot.images] == [
        ImageSide.OBVERSE,
        ImageSide.REVERSE,
    ]
    assert source.fetch(lot.images[1]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<input name='quick_search_value' value='Nero'>", "Nero"),
        ("<a href='?id=1820'>x</a><b class='result-count'>2</b>", "announces 2"),
        ("".join(f"<a href='?id={n}'>x</a>" for n in range(1000, 5000)), "narrower"),
    ],
)
def test_a_tray_with_something_else_is_refused(text, words):
    with pytest.raises(PageChangedError, match=words):
        ikmk.parse_tray(text, "Iannaios")


def test_an_empty_tray_is_empty():
    assert ikmk.parse_tray("<p>nothing found", "x") == ()


@pytest.mark.parametrize("record", [[], "x", {"ikmk_mds_id": 99}])
def test_another_object_is_refused(record):
    with pytest.raises(UnexpectedAnswerError):
        ikmk.parse_object(record, "182000")


def test_an_object_that_says_little_is_read_all_the_same():
    lot = ikmk.parse_object({"image_right": None, "avers": []}, "182000")
    assert (lot.title, lot.licence, lot.weight_g) == ("Object 182000", None, None)


def test_nomisma_discovers_and_fetches_from_known_hosts_only(site, client):
    photos = site({"/collectionimages/": museums.photo})
    one = museums.nomisma(site, 4, photos)
    source = nomisma.Nomisma(client(one, photos), base=one.address)
    listings = list(source.find("prutah"))
    assert len(listings) == 4
    assert [len(lot.images) for lot in listings] == [2, 0, 2, 0]
    assert listings[0].weight_g == 1.9
    assert len(source.problems) == 2
    assert "elsewhere.example" in source.problems[0]
    assert source.fetch(listings[0].images[0]).startswith(b"\x89PNG")


def test_rows_of_one_coin_become_one_listing():
    rows = [museums.nomisma_row(0, "http://127.0.0.1") for _ in range(3)]
    listings, count = nomisma.parse_answer({"results": {"bindings": rows}})
    assert (len(listings), count) == (1, 3)
    with pytest.raises(UnexpectedAnswerError):
        nomisma.parse_answer({"results": None})


@pytest.mark.parametrize("words", ['x") } DROP', "a\\b", "  ", "{"])
def test_a_question_cannot_be_smuggled_in(words):
    with pytest.raises(ScrapeError):
        nomisma.ask(words)


def test_an_answer_cannot_send_us_to_another_host(site, client):
    one = museums.commons(site, count=1)
    stranger = site({"/p.png": museums.photo})
    source = commons.Commons(client(one), base=one.address)
    lot = next(iter(source.find("x")))
    image = lot.images[0]
    from dataclasses import replace

    with pytest.raises(UnsafeAddressError):
        source.fetch(replace(image, url=f"{stranger.address}/p.png"))
    assert stranger.requests == []


def test_plans_send_nothing(site, client):
    one = site()
    polite = client(one)
    for source in (
        commons.Commons(polite, one.address),
        ans.Ans(polite, one.address),
        ikmk.Ikmk(polite, one.address),
        nomisma.Nomisma(polite, one.address),
    ):
        assert all(isinstance(line, str) for line in source.plan("prutah"))
    assert one.requests == []


def test_a_site_that_stays_busy_ends_the_run(site, client):
    one = museums.ikmk(site, count=1)
    one.routes["/object"] = lambda _: Reply(status=503)
    with pytest.raises(SiteBusyError):
        list(ikmk.Ikmk(client(one), base=one.address).find("x"))
