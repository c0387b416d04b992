"""Wikimedia Commons: its API, licences and errors."""

from __future__ import annotations

import json

import pytest

from scrapers.base import Source
from scrapers.errors import (
    PageChangedError,
    UnexpectedAnswerError,
)
from scrapers.sources import commons
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
    files, following = commons.parse_answer(answer)
    assert [commons.parse_file(file) for file in files] == [None, None]
    assert following is None
    assert commons.parse_answer({"batchcomplete": True}) == ([], None)


def test_a_damaged_file_costs_only_itself(site, client):
    one = museums.commons(site, count=3)
    files = [museums.commons_file(one.address, n) for n in range(4)]
    description = {"value": "Prutah <![x of Alexander Jannaeus"}
    files[1]["imageinfo"][0]["extmetadata"]["ImageDescription"] = description
    files[2]["imageinfo"][0]["size"] = "large"
    answer = json.dumps({"query": {"pages": files}, "batchcomplete": True})
    one.routes["/w/api.php"] = lambda _: Reply(answer, kind="application/json")
    source = commons.Commons(client(one), base=one.address)
    assert [lot.record_id for lot in source.find("x")] == ["7000", "7003"]
    assert "File:Prutah 1.png" in source.problems[0]
    assert "File:Prutah 2.png" in source.problems[1]


@pytest.mark.parametrize("answer", [[], {"query": {}}, {"query": {"pages": {}}}, "x"])
def test_another_answer_of_commons_is_refused(answer):
    if answer == {"query": {}}:
        assert commons.parse_answer(answer) == ([], None)
        return
    with pytest.raises(UnexpectedAnswerError):
        commons.parse_answer(answer)


def test_a_licence_that_is_not_known_stays_without_a_key():
    page = museums.commons_file(
        "http://x", 1, LicenseShortName="Custom terms", LicenseUrl=""
    )
    lot = commons.parse_file(page)
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
    with pytest.raises(UnexpectedAnswerError, match="does not accept"):
        list(commons.Commons(client(one), base=one.address).find("y"))


def test_an_endless_continue_is_noticed(site, client):
    one = museums.commons(site, count=1)
    answer = json.dumps({"query": {"pages": []}, "continue": {"gsroffset": 1}})
    one.routes["/w/api.php"] = lambda _: Reply(answer, kind="application/json")
    with pytest.raises(PageChangedError, match="continue"):
        list(commons.Commons(client(one), base=one.address).find("x"))
