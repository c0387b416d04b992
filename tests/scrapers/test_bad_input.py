"""Sites that fail in every way: the run goes on or stops, and says why."""

from __future__ import annotations

import contextlib
import functools
import json
import logging

import pytest

from coin_core.catalog import PhotoQuery
from coin_core.catalog.scrape_jobs import ScrapeOrder
from coin_core.errors import CoinError
from scrapers import http_client
from scrapers.cli import summary
from scrapers.ingest import scrape
from scrapers.sources.ans import Ans
from scrapers.sources.commons import Commons
from scrapers.sources.ikmk import Ikmk
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply, draw_png
from tests.scrapers.listed import prepare

COINS = 3
WHOLE = draw_png(9, size_px=64)


@pytest.fixture(autouse=True)
def _log(caplog):
    caplog.set_level(logging.INFO, "scrapers")


@pytest.fixture
def site(site):
    """Sites that ask for no pause: these tests are about what they answer."""
    return functools.partial(site, pause_s=0.0)


def run(catalog, source, name="ikmk"):
    """The last word of a run, also where an error ended it."""
    order = ScrapeOrder(source=name, query="Iannaios", who="ada")
    steps = scrape(catalog, source, order, prepare_photo=prepare)
    with contextlib.suppress(CoinError):
        for last in steps:  # noqa: B007 - the last word counts
            pass
    return last


def count(catalog):
    return catalog.queries.find(PhotoQuery(), limit=1).total


def once(reply, then):
    """A route that answers with a fault first, and as it should from then on."""
    faults = [reply]
    return lambda request: faults.pop() if faults else then(request)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=404), "is not there (404)"),
        (Reply("<p>hotlinking", kind="text/html"), "answered text/html"),
        (Reply(WHOLE, kind="application/octet-stream"), "image/jpeg"),
        (Reply(WHOLE, kind="image/png", cut_to=40), "cut off"),
        (Reply(WHOLE[:60], kind="image/png"), "is damaged"),
        (Reply(b"", kind="image/png"), "is damaged"),
        (Reply(WHOLE * 80, kind="image/png"), "MB"),
        (Reply(status=302, headers={"Location": "/image/182001/vs_org.jpg"}), "end"),
        (
            Reply(status=302, headers={"Location": "https://elsewhere.example/a"}),
            "another host",
        ),
        (Reply(status=302, headers={"Location": "http://[::1"}), "no web address"),
        (
            Reply(status=302, headers={"Location": "file:///etc/passwd"}),
            "no web address",
        ),
        (Reply(status=206, kind="image/png"), "206"),
    ],
)
def test_a_photo_that_cannot_be_had_is_left_out(
    catalog, site, client, caplog, monkeypatch, reply, words
):
    monkeypatch.setattr(http_client, "IMAGE_BYTES", len(WHOLE) * 20)
    one = museums.ikmk(site, COINS)
    good = one.routes["/image/182001/"]
    one.routes["/image/182001/"] = lambda request: (
        reply if "vs_" in request.path else good(request)
    )
    last = run(catalog, Ikmk(client(one), one.address))
    assert (last.state, last.added, last.failed) == ("done", 5, 1)
    assert count(catalog) == 5
    assert words in caplog.text
    assert words in summary(last)
    one.routes["/image/182001/"] = good
    again = run(catalog, Ikmk(client(one), one.address))
    assert (again.added, again.failed) == (1, 0)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply("<html>we are moving", kind="application/json"), "not JSON"),
        (Reply("<html>we are moving"), "answered text/html"),
        (Reply(b"\xff\xfe\x00", kind="application/json"), "not JSON"),
        (Reply("[1, 2]", kind="application/json"), "no JSON object"),
        (Reply('{"ikmk_mds_id": 7}', kind="application/json"), "answers as another"),
        (Reply('{"weight": NaN', kind="application/json", cut_to=5), "cut off"),
        (Reply(status=410), "is not there (410)"),
    ],
)
def test_a_record_that_cannot_be_read_is_left_out(
    catalog, site, client, caplog, reply, words
):
    one = museums.ikmk(site, COINS)
    good = one.routes["/object"]
    one.routes["/object"] = lambda request: (
        reply if request.query["id"] == "182001" else good(request)
    )
    last = run(catalog, Ikmk(client(one), one.address))
    assert (last.state, last.added, last.failed) == ("done", 4, 1)
    assert words in summary(last)
    assert words in caplog.text


@pytest.mark.parametrize(
    ("path", "reply", "words"),
    [
        ("/tray", Reply(status=403), "refuses"),
        ("/object", Reply(status=403), "refuses"),
        ("/image/182001/", Reply(status=403), "refuses"),
        ("/tray", Reply(status=503), "The server has an error"),
        ("/object", Reply(status=429), "answered 429"),
        (
            "/object",
            Reply(status=429, headers={"Retry-After": "86400"}),
            "asks to wait 86,400 s",
        ),
        ("/tray", Reply(hang_up=True), "The server gives no answer"),
        ("/home", Reply(status=302, headers={"Location": "/home"}), "without end"),
        ("/tray", Reply(b"%PDF", kind="application/pdf"), "application/pdf"),
        ("/tray", Reply("<b class='result-count'>9 objects</b>"), "announces 9"),
        (
            "/tray",
            Reply("<input name='quick_search_value' value='Nero'>"),
            "answers another search",
        ),
    ],
)
def test_a_site_that_does_not_answer_as_it_should_ends_the_run(
    catalog, site, client, caplog, path, reply, words
):
    one = museums.ikmk(site, COINS)
    good = one.routes[path]
    one.routes[path] = lambda _: reply
    last = run(catalog, Ikmk(client(one), one.address))
    assert last.state == "stopped"
    assert words in last.error
    assert words in summary(last)
    assert f"stopped: {last.error}" in caplog.text
    if reply.headers.get("Retry-After"):
        return  # the next run would wait as long as the site has asked for
    one.routes[path] = good
    after = run(catalog, Ikmk(client(one), one.address))
    assert (after.state, after.import_id) == ("done", last.import_id)
    assert count(catalog) == 2 * COINS


@pytest.mark.slow
@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=429, headers={"Retry-After": "1"}),
        Reply(status=429),
        Reply(status=503, headers={"Retry-After": "1"}),
        Reply(status=503),
        Reply(status=500),
        Reply(hang_up=True),
    ],
)
@pytest.mark.parametrize("path", ["/robots.txt", "/tray", "/object", "/image/182001/"])
def test_a_site_that_fails_once_is_asked_again(
    catalog, site, client, caplog, reply, path
):
    one = museums.ikmk(site, COINS)
    good = one.routes.get(path, lambda _: Reply("User-agent: *", kind="text/plain"))
    one.routes[path] = once(reply, good)
    last = run(catalog, Ikmk(client(one), one.address))
    assert (last.state, last.added, last.failed) == ("done", 6, 0)
    assert "again in" in caplog.text


def test_a_network_that_is_gone_for_a_minute_is_waited_for(catalog, site, client):
    """The waits of the shipped program, on a clock of the test's own."""
    one = museums.ikmk(site, COINS)
    good, waited = one.routes["/object"], [0.0]

    def wait(seconds: float) -> None:
        waited[0] += seconds

    def gone(request):
        lost = 0 < waited[0] < 60 or len(one.asked("/object")) == 2
        return Reply(hang_up=True) if lost else good(request)

    one.routes["/object"] = gone
    rate_limiter = client(one).rate_limiter
    patient = client(
        one, sleep=wait, rate_limiter=rate_limiter, backoff_s=http_client.BACKOFF_S
    )
    last = run(catalog, Ikmk(patient, one.address))
    assert (last.state, last.added, last.failed) == ("done", 6, 0)
    assert 60 <= waited[0] < 120


def test_nothing_found_is_no_failure(catalog, site, client):
    last = run(catalog, Commons(c := client(museums.commons(site, 0)), _of(c)))
    assert (last.state, last.listings, last.failed) == ("done", 0, 0)
    assert summary(last).startswith("0 listings: 0 new photos")


def _of(client) -> str:
    (origin,) = client.origins
    return f"http://{origin}"


def test_what_is_listed_twice_is_brought_in_once(catalog, site, client):
    one = museums.commons(site, count=2)
    file = museums.commons_file(one.address, 0)
    twice = {"query": {"pages": [file, file]}, "continue": {"gsroffset": 1}}
    last_page = {"query": {"pages": [file]}, "batchcomplete": True}
    one.routes["/w/api.php"] = lambda request: Reply(
        json.dumps(last_page if "gsroffset" in request.query else twice),
        kind="application/json",
    )
    last = run(catalog, Commons(client(one), one.address), "commons")
    assert (last.added, last.known, last.failed) == (1, 2, 0)
    assert len([r for r in one.requests if r.path.startswith("/files/")]) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252", "utf-16"])
def test_encodings_and_ids_that_are_not_as_they_claim(catalog, site, client, encoding):
    """The records' ids are not legal in XML, and the header claims UTF-8."""
    one = museums.ans(site, count=1)
    text = museums.ans_record("1944.100.0", 0, one.address)
    text = text.replace("יהוחנן", "Jannée").replace(
        'encoding="UTF-8"', f'encoding="{encoding}"'
    )
    one.routes["/search/id/"] = lambda _: Reply(
        text.encode(encoding), kind="text/xml; charset=utf-8"
    )
    last = run(catalog, Ans(client(one), one.address), "ans")
    assert (last.state, last.added, last.failed) == ("done", 2, 0)
    assert "Jannée" in catalog.queries.find(PhotoQuery(), limit=1).photos[0].lot_text
