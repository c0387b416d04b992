"""Manners: who we are, what we may ask, how often, and what we accept."""

from __future__ import annotations

import gzip
import itertools
import logging
import threading
import time

import pytest

from scrapers import http_cache, http_client, http_response
from scrapers.errors import (
    ContactMissingError,
    NotFoundError,
    RobotsForbidError,
    ScrapeError,
    SiteBusyError,
    SiteRefusesError,
    SiteUnreachableError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)
from scrapers.rate_limiter import RateLimiter
from scrapers.settings import read_contact, store_contact
from scrapers.url_safety import check_address, check_public
from tests.scrapers.fake_sites import PAUSE_S, FakeSite, Reply, draw_png


def page(text: str = "hello", **kwargs) -> Reply:
    return Reply(text, **kwargs)


def one_after_another(*replies: Reply):
    """A route that answers differently each time, the last one for ever."""
    left = itertools.chain(replies, itertools.repeat(replies[-1]))
    return lambda _: next(left)


def test_a_page_is_asked_by_name_after_robots_txt(site, client):
    one = site({"/a": lambda _: page("grüße")})
    assert client(one).get_text(f"{one.address}/a") == "grüße"
    assert [request.path for request in one.requests] == ["/robots.txt", "/a"]
    agent = one.requests[1].headers["User-Agent"]
    assert agent.startswith("CoinGatherer/1.0 (curator@example.org)")


def test_robots_txt_is_obeyed_and_the_refusal_logged(site, client, caplog):
    one = site()
    with pytest.raises(RobotsForbidError, match="saved FOLDER"):
        client(one).get_text(f"{one.address}/private/coins")
    assert [request.path for request in one.requests] == ["/robots.txt"]
    assert "robots.txt forbids" in caplog.text


def test_the_referee_catches_what_robots_txt_forbids(client):
    one = FakeSite({"/private/x": lambda _: page()}, robots=None)
    client(one).get_text(f"{one.address}/private/x")
    with pytest.raises(AssertionError, match="forbidden by robots"):
        one.close()


def test_the_referee_catches_a_broken_pause(client, tmp_path):
    paths = [f"/{number}" for number in range(12)]
    one = FakeSite({path: lambda _: page() for path in paths}, pause_s=0.2)
    hasty = client(one, rate_limiter=RateLimiter(tmp_path / "none", {one.origin: 0.0}))
    for path in paths:
        hasty.get_text(f"{one.address}{path}")
    with pytest.raises(AssertionError, match="pauses in"):
        one.close()


def test_a_crawl_delay_lengthens_the_pause(site, client):
    delay_s = 4 * PAUSE_S
    one = site(
        {"/a": lambda _: page(), "/b": lambda _: page()},
        robots=f"User-agent: CoinGatherer\nCrawl-delay: {delay_s}\n",
    )
    with client(one) as polite:
        polite.get_text(f"{one.address}/a")
        polite.get_text(f"{one.address}/b")
    assert one.requests[2].at - one.requests[1].at >= delay_s * 0.9


@pytest.mark.parametrize("status", [500, 503])
def test_a_site_with_a_failing_robots_txt_is_not_asked(site, client, status):
    one = site({"/robots.txt": lambda _: Reply(status=status), "/a": lambda _: page()})
    with pytest.raises(SiteBusyError):
        client(one).get_text(f"{one.address}/a")
    assert one.asked("/a") == []


def test_two_clients_share_one_turn(site, client):
    """The referee counts overlapping and hasty requests over both."""
    paths = [f"/{number}" for number in range(6)]
    one = site({path: lambda _: page(delay_s=0.01) for path in paths})
    clients = [client(one), client(one)]

    def ask(polite, mine):
        for path in mine:
            polite.get_text(f"{one.address}{path}")

    threads = [
        threading.Thread(target=ask, args=(clients[0], paths[:3])),
        threading.Thread(target=ask, args=(clients[1], paths[3:])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(one.requests) == 8


def test_an_answering_time_below_the_pause_costs_nothing(site, client):
    one = site({f"/{n}": lambda _: page(delay_s=PAUSE_S / 2) for n in range(8)})
    polite = client(one)
    begun = time.monotonic()
    for number in range(8):
        polite.get_text(f"{one.address}/{number}")
    assert time.monotonic() - begun < 9 * PAUSE_S * 1.1 + 0.5


def test_what_was_asked_is_not_asked_again(site, client):
    one = site({"/a": lambda _: page("first")})
    client(one).get_text(f"{one.address}/a", {"q": "יהוחנן"})
    assert client(one).get_text(f"{one.address}/a", {"q": "יהוחנן"}) == "first"
    assert len(one.asked("/a")) == 1
    client(one).get_text(f"{one.address}/a", {"q": "יהוחנן"}, keep_s=0)
    assert len(one.asked("/a")) == 2


def test_a_full_disk_costs_the_cache_only(site, client, monkeypatch, caplog):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(http_cache, "write_file", full)
    one = site({"/a": lambda _: page()})
    assert client(one).get_text(f"{one.address}/a") == "hello"
    assert "the disk is full" in caplog.text


def test_retry_after_is_kept(site, client):
    one = site(
        {
            "/a": one_after_another(
                Reply(status=429, headers={"Retry-After": "1"}), page("at last")
            )
        }
    )
    assert client(one).get_text(f"{one.address}/a") == "at last"
    first, second = one.asked("/a")
    assert second.at - first.at >= 0.95


def test_without_retry_after_the_waits_grow_and_end(site, client, caplog):
    waits: list[float] = []
    one = site({"/a": lambda _: Reply(status=503)})
    rate_limiter = client(one).rate_limiter
    polite = client(
        one, backoff_s=(2.0, 5.0), sleep=waits.append, rate_limiter=rate_limiter
    )
    with pytest.raises(SiteBusyError, match="503"):
        polite.get_text(f"{one.address}/a")
    assert waits == [2.0, 5.0]
    assert len(one.asked("/a")) == 3
    assert "in 5 s" in caplog.text


def test_a_wait_of_hours_ends_the_run(site, client):
    one = site({"/a": lambda _: Reply(status=429, headers={"Retry-After": "86400"})})
    with pytest.raises(SiteBusyError, match="86400"):
        client(one).get_text(f"{one.address}/a")
    assert len(one.asked("/a")) == 1


def test_a_network_that_comes_back_is_waited_for(site, client):
    one = site({"/a": one_after_another(Reply(hang_up=True), page("back"))})
    assert client(one).get_text(f"{one.address}/a") == "back"


def test_a_network_without_names_is_waited_for(client, monkeypatch):
    """Where the network is gone, its names are gone first."""
    waits = []

    def gone(*_, **__):
        raise OSError("Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", gone)
    polite = client(origins=frozenset({"museum.example"}), sleep=waits.append)
    with pytest.raises(SiteUnreachableError, match="is the network up"):
        polite.get_image("https://museum.example/a.png")
    assert waits == [0.01, 0.02]


def test_a_network_that_stays_away_is_told(tmp_path, client):
    gone = FakeSite()
    gone.close()
    with pytest.raises(SiteUnreachableError, match="does not answer"):
        client(gone).get_text(f"{gone.address}/a")


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply(status=403), SiteRefusesError, "refuses"),
        (Reply(status=401), SiteRefusesError, "refuses"),
        (Reply(status=404), NotFoundError, "not there"),
        (Reply(status=204), UnexpectedAnswerError, "204"),
        (Reply("x", kind="text/html"), UnexpectedAnswerError, "image/jpeg"),
        (Reply("x", kind=""), UnexpectedAnswerError, "no type"),
        (
            Reply(b"x" * 5000, kind="image/png", cut_to=900),
            UnexpectedAnswerError,
            "cut off",
        ),
        (
            Reply(b"not gz", kind="image/png", headers={"Content-Encoding": "gzip"}),
            UnexpectedAnswerError,
            "header check",
        ),
    ],
)
def test_what_is_no_photo_is_refused(site, client, reply, error, words):
    one = site({"/p.png": lambda _: reply})
    with pytest.raises(error, match=words):
        client(one).get_image(f"{one.address}/p.png")
    assert len(one.asked("/p.png")) == 1


def test_a_photo_arrives_whole(site, client):
    photo = draw_png(1)
    one = site({"/p.png": lambda _: Reply(photo, kind="image/png")})
    assert client(one).get_image(f"{one.address}/p.png") == photo


@pytest.mark.parametrize("packed", [False, True])
def test_a_flood_is_broken_off(site, client, monkeypatch, packed):
    monkeypatch.setattr(http_client, "IMAGE_BYTES", 1 << 20)
    flood = bytes(3 << 20)
    headers = {"Content-Encoding": "gzip"} if packed else {}
    body = gzip.compress(flood) if packed else flood
    one = site({"/p": lambda _: Reply(body, kind="image/png", headers=headers)})
    with pytest.raises(UnexpectedAnswerError, match="MB"):
        client(one).get_image(f"{one.address}/p")


def test_html_where_json_was_expected_is_told(site, client):
    one = site(
        {
            "/a": lambda _: page("<html>maintenance"),
            "/b": lambda _: Reply("<html>", kind="application/json"),
        }
    )
    with pytest.raises(UnexpectedAnswerError, match="text/html"):
        client(one).get_json(f"{one.address}/a")
    with pytest.raises(UnexpectedAnswerError, match="not JSON"):
        client(one).get_json(f"{one.address}/b")


def test_redirects_end_and_stay_on_their_host(site, client):
    other = site({"/a": lambda _: page("stolen")})
    one = site(
        {
            "/round": lambda _: Reply(status=302, headers={"Location": "/round"}),
            "/away": lambda _: Reply(
                status=302, headers={"Location": f"{other.address}/a"}
            ),
            "/secret": lambda _: Reply(
                status=302, headers={"Location": "/private/coins"}
            ),
            "/moved": lambda _: Reply(status=301, headers={"Location": "/new"}),
            "/new": lambda _: page("here"),
        }
    )
    polite = client(one, other)
    assert polite.get_text(f"{one.address}/moved") == "here"
    with pytest.raises(UnexpectedAnswerError, match="without end"):
        polite.get_text(f"{one.address}/round")
    with pytest.raises(UnsafeAddressError, match="another host"):
        polite.get_text(f"{one.address}/away")
    with pytest.raises(RobotsForbidError):
        polite.get_text(f"{one.address}/secret")
    assert other.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "http://museum.example/a",
        "ftp://127.0.0.1/a",
        "https://elsewhere.example/a",
        "https://name:word@museum.example/a",
        "file:///etc/passwd",
        "http://127.0.0.1:1/admin",
        "http://[::1]:8501/api",
        "https://169.254.169.254/latest",
        "https://",
        "https://museum.example:99999999/",
    ],
)
def test_addresses_that_are_not_asked(url):
    with pytest.raises(ScrapeError):
        check_address(url, frozenset({"museum.example"}))


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "192.168.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"),
        *("::ffff:10.0.0.1", "0.0.0.0", "224.0.0.1", "100.64.0.1", "fe80::1%eth0"),
    ],
)
def test_private_networks_are_not_asked(address):
    with pytest.raises(UnsafeAddressError, match="open internet"):
        check_public(address, "museum.example")


def test_a_name_that_leads_into_the_private_network_is_not_asked(monkeypatch):
    found = [(2, 1, 6, "", ("192.168.1.10", 443))]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(UnsafeAddressError, match=r"192\.168\.1\.10"):
        check_address("https://museum.example/a", frozenset({"museum.example"}))


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("Jannée יהוחנן".encode(), "", "Jannée יהוחנן"),
        ("Jannée".encode("latin-1"), "iso-8859-1", "Jannée"),
        ("Jannée".encode(), "iso-8859-1", "Jannée"),
        (
            '<meta charset="windows-1251">Яннай'.encode("windows-1251"),
            "",
            '<meta charset="windows-1251">Яннай',
        ),
        ("Яннай".encode("utf-16"), "", "Яннай"),
        (b"\xff\x81\x81", "no-such", "ÿ\ufffd\ufffd"),
    ],
)
def test_mixed_encodings_are_read(body, charset, text):
    assert http_response.decode_text(body, charset) == text


def test_the_contact_is_set_once(monkeypatch):
    monkeypatch.delenv("COIN_CONTACT", raising=False)
    with pytest.raises(ContactMissingError, match="scrapers contact"):
        read_contact()
    for wrong in ("me", "me@here\r\nX: 1", "ö@example.org", ""):
        with pytest.raises(ContactMissingError):
            store_contact(wrong)
    store_contact(" curator@example.org ")
    assert read_contact() == "curator@example.org"


def test_what_is_done_stands_in_the_log(site, client, caplog):
    caplog.set_level(logging.INFO, "scrapers")
    one = site({"/a": lambda _: page()})
    client(one).get_text(f"{one.address}/a")
    assert f"GET {one.address}/a" in caplog.text
    assert "has a robots.txt" in caplog.text
