"""Manners: who we are, what we may ask, how often, and what we accept."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import logging
import os
import socket
import threading
import time
import tracemalloc
import zlib

import httpcore
import pytest

from coin_core.storage import data_dir
from scrapers import checked_transport, http_cache, http_client, http_response
from scrapers.errors import (
    ContactMissingError,
    NotFoundError,
    RobotsForbidError,
    ServerFailureError,
    SiteBusyError,
    SiteRefusesError,
    SiteUnreachableError,
    UnexpectedAnswerError,
    UnknownHostError,
    UnsafeAddressError,
)
from scrapers.rate_limiter import JITTER, RateLimiter
from scrapers.robots import LONGEST_DELAY_S, RobotsRules
from scrapers.settings import read_contact, store_contact
from scrapers.url_safety import (
    LOCAL_SITES,
    check_address,
    check_public,
    host_of,
    local_sites,
    normalize,
    origin_of,
)
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
    starts = [request.at for request in one.requests]
    assert len(starts) == 3, "robots.txt counts as well"
    assert all(b - a >= delay_s * 0.9 for a, b in itertools.pairwise(starts))


def test_the_longest_pause_is_kept(tmp_path):
    waits_s: list[float] = []
    limiter = RateLimiter(tmp_path, sleep=waits_s.append)
    with limiter.turn(MUSEUM):  # for robots.txt
        pass
    limiter.lengthen(MUSEUM, LONGEST_DELAY_S)
    for _ in range(8):
        with limiter.turn(MUSEUM):
            pass
        limiter.hold_off(MUSEUM, 10.0)  # shorter than the pause
    assert len(waits_s) == 8
    assert min(waits_s) > LONGEST_DELAY_S - 60
    assert max(waits_s) <= LONGEST_DELAY_S * (1 + JITTER)


def test_a_clock_that_was_set_back_adds_nothing_to_a_pause(tmp_path, monkeypatch):
    waits_s: list[float] = []
    limiter = RateLimiter(tmp_path, {MUSEUM: 5.0}, sleep=waits_s.append)
    with limiter.turn(MUSEUM):
        pass
    hours_before = time.time() - 7200
    monkeypatch.setattr(time, "time", lambda: hours_before)
    with limiter.turn(MUSEUM):
        pass
    assert 4.0 < waits_s[0] <= 5.0 * (1 + JITTER)


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


def test_an_answering_time_below_the_pause_costs_nothing(site, client, tmp_path):
    one = site({f"/{n}": lambda _: page(delay_s=PAUSE_S / 2) for n in range(8)})
    waits_s: list[float] = []

    def sleep(seconds: float) -> None:
        waits_s.append(seconds)
        time.sleep(seconds)

    pauses_s = {one.origin: PAUSE_S}
    polite = client(
        one, rate_limiter=RateLimiter(tmp_path / "pace", pauses_s, sleep=sleep)
    )
    for number in range(8):
        polite.get_text(f"{one.address}/{number}")
    # Before the first page, robots.txt was answered at once.
    assert max(waits_s[1:], default=0.0) <= PAUSE_S * (1 + JITTER) - PAUSE_S / 2


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
    with pytest.raises(SiteBusyError, match="86,400 s"):
        client(one).get_text(f"{one.address}/a")
    with pytest.raises(SiteBusyError, match=r"86,[34]\d\d s are left"):
        client(one).get_text(f"{one.address}/a")
    assert len(one.requests) == 2, "robots.txt and a page"


def test_a_network_that_comes_back_is_waited_for(site, client):
    one = site({"/a": one_after_another(Reply(hang_up=True), page("back"))})
    assert client(one).get_text(f"{one.address}/a") == "back"


def resolver(*codes: int, address: str = "127.0.0.1"):
    """Answers `museum.example` with an error for each code, then with an address."""
    left, look_up = list(codes), socket.getaddrinfo

    def answer(host, *args, **kwargs):
        if host != "museum.example":
            return look_up(host, *args, **kwargs)
        if left and (code := left.pop(0)):
            raise socket.gaierror(code, "of the test")
        return [(2, 1, 6, "", (address, 0))]

    return answer


def test_a_network_without_names_is_waited_for(client, monkeypatch):
    """Where the network is gone, its names are gone first."""
    waits = []
    monkeypatch.setattr("socket.getaddrinfo", resolver(*[socket.EAI_AGAIN] * 9))
    limiter = RateLimiter(data_dir() / "pace", {MUSEUM: 0.0})
    polite = client(
        origins=frozenset({MUSEUM}), sleep=waits.append, rate_limiter=limiter
    )
    with pytest.raises(SiteUnreachableError, match="is the network up"):
        polite.get_image("https://museum.example/a.png")
    assert waits == [0.01, 0.02]


def test_the_longest_name_has_its_turn():
    origin = f"{'a' * 63}." * 3 + "b" * 61 + ":8080"
    with RateLimiter(data_dir() / "pace", {origin: 0.0}).turn(origin):
        pass


def test_a_name_that_does_not_exist_is_told_at_once(client, monkeypatch):
    waits, looked_up = [], []

    def missing(host, *_, **__):
        looked_up.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", missing)
    polite = client(origins=frozenset({"musuem.example"}), sleep=waits.append)
    with pytest.raises(UnknownHostError, match="Check its spelling"):
        polite.get_text("https://musuem.example/a")
    assert (waits, looked_up) == ([], ["musuem.example"])


def test_a_name_that_was_there_before_is_waited_for(site, client, monkeypatch):
    """Some systems say that there is no such name while the network is gone."""
    gone = [0, socket.EAI_NONAME]
    monkeypatch.setattr("socket.getaddrinfo", resolver(*gone))
    one, polite = as_museum(site, client, monkeypatch)
    one.routes["/a"] = lambda _: page(headers={"Connection": "close"})
    one.routes["/robots.txt"] = lambda _: Reply(
        "", kind="text/plain", headers={"Connection": "close"}
    )
    assert polite.get_text(f"http://{MUSEUM}:{one.port}/a") == "hello"


MUSEUM = "museum.example"


def as_museum(site, client, monkeypatch, **routes):
    """A site under a name that the operator has opened, and a client for it."""
    one = site(routes)
    one.port = int(one.origin.rpartition(":")[2])
    origin = f"{MUSEUM}:{one.port}"
    monkeypatch.setenv(LOCAL_SITES, origin)
    limiter = RateLimiter(data_dir() / "pace", {origin: PAUSE_S})
    return one, client(origins=frozenset({origin}), rate_limiter=limiter)


def test_a_name_is_looked_up_once_for_each_connection(site, client, monkeypatch):
    """The address that was checked is asked, whatever the name leads to later."""
    looked_up = []
    answer = resolver()

    def rebinding(host, *args, **kwargs):
        if host == MUSEUM:
            looked_up.append(host)
            if len(looked_up) > 1:
                return [(2, 1, 6, "", ("127.9.9.9", 0))]
        return answer(host, *args, **kwargs)

    monkeypatch.setattr("socket.getaddrinfo", rebinding)
    one, polite = as_museum(site, client, monkeypatch)
    one.routes["/a"] = lambda _: page()
    assert polite.get_text(f"http://{MUSEUM}:{one.port}/a") == "hello"
    assert looked_up == [MUSEUM]
    assert {request.headers["Host"] for request in one.requests} == {
        f"{MUSEUM}:{one.port}"
    }


class Refusing(httpcore.SyncBackend):
    """Notes where connections would go to, and under which name; opens none."""

    def __init__(self) -> None:
        self.asked, self.names = [], []

    def connect_tcp(self, host, port, *_, **__):
        self.asked.append((host, port))
        if host in ("203.0.114.1", "2a00::1"):
            raise httpcore.ConnectError("nobody there")
        return self

    def start_tls(self, ssl_context, server_hostname=None, timeout=None):
        self.names.append((server_hostname, ssl_context.check_hostname))
        raise httpcore.ConnectError("enough")

    def get_extra_info(self, info):
        return None


@pytest.fixture
def nobody(monkeypatch):
    """The connections that would be made; none is."""
    one = Refusing()
    monkeypatch.setattr("httpcore.SyncBackend", lambda: one)
    return one


def leads_to(monkeypatch, *addresses):
    found = [(2, 1, 6, "", (one, 443)) for one in addresses]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)


def test_the_checked_address_is_connected_to_under_the_name(
    client, monkeypatch, nobody
):
    """Each address of a name is tried; certificates are those of the name."""
    leads_to(monkeypatch, "2a00::1", "203.0.114.1", "203.0.114.2", "203.0.114.2")
    polite = client(origins=frozenset({MUSEUM}), backoff_s=())
    with pytest.raises(SiteUnreachableError, match="does not answer"):
        polite.get_text(f"https://{MUSEUM}/a")
    assert nobody.asked == [
        *(("2a00::1", 443), ("203.0.114.1", 443), ("203.0.114.2", 443)),
    ]
    assert nobody.names == [(MUSEUM, True)]


@pytest.mark.parametrize(
    "addresses",
    [
        ("192.168.1.10",),
        ("203.0.114.1", "127.0.0.1"),
        ("::1", "203.0.114.1"),
        ("64:ff9b::7f00:1",),
    ],
)
@pytest.mark.parametrize("use", ["get_text", "get_image", "permit", "forward"])
def test_a_name_that_leads_into_the_private_network_is_not_asked(
    client, monkeypatch, nobody, addresses, use
):
    """One private address among public ones is enough."""
    leads_to(monkeypatch, *addresses)
    polite = client(origins=frozenset({MUSEUM}))
    url = f"https://{MUSEUM}/a"
    ask = {"forward": lambda _: polite.forward("GET", url, {}, b"")}
    with pytest.raises(UnsafeAddressError, match="open internet") as told:
        ask.get(use, getattr(polite, use))(url)
    assert nobody.asked == []
    assert not any(one in str(told.value) for one in addresses)


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
            "no gzip",
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
        "https://museum.example:8443/",
        "https://museum.example@127.0.0.1/",
        "https://127.0.0.1@museum.example/",
        "https://:@museum.example:1/",
        "https://museum.example\\@127.0.0.1/",
        "https:\\\\museum.example/",
        "https://museum.example\t.evil/",
        "https://museum.example\r\nX: y/",
        "https://museum .example/",
        " https://museum.example/",
        "https://museum.example%2f@x/",
        "https://museum.example\u3002evil/",
        "https://mu\u017feum.example/",
        "https://museum\ud800.example/",
        "https://①②⑦.⓪.⓪.①/",
        "https://xn--/",
        "https://[::1/",
        "https://[::1%25eth0]/",
        "https://[museum.example]/",
        "https://" + "a" * 70_000,
        f"https://{'a.' * 127}",
        "https://museum.example/" + "a" * 70_000,
        "//museum.example/",
        "museum.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "",
        "\x00",
    ],
)
def test_addresses_that_are_not_asked(url):
    with pytest.raises(UnsafeAddressError):
        check_address(url, frozenset({"museum.example", "127.0.0.1:1"}))


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0x7f000001"),
        *("127.0.0.1.", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0", "1.2.3"),
        *("10.0.0.1", "0x08080808", "8.8.8.010", "[fe80::1]", "[64:ff9b::808:808]"),
    ],
)
def test_numbers_of_this_computer_are_not_asked(host):
    """In whatever notation; a public number in a usual one is as good as a name."""
    url = f"https://{host}/"
    with pytest.raises(UnsafeAddressError):
        check_address(url, frozenset({host, origin_of(url)}))
    check_address("https://8.8.8.8/", frozenset({"8.8.8.8"}))


def test_what_may_be_asked_is_read_in_one_way_by_all():
    """The address as it is sent; its host in ASCII, the rest encoded."""
    for url, sent, origin in (
        ("HTTPS://Museum.Example:443/a b", "https://museum.example/a%20b", None),
        ("https://münze.example/ü", "https://xn--mnze-0ra.example/%C3%BC", None),
        ("http://[::1]:8080/", "http://[::1]:8080/", "[::1]:8080"),
        ("https://museum.example?a=[1]", "https://museum.example?a=[1]", None),
    ):
        assert normalize(url) == sent
        assert normalize(sent) == sent
        assert origin_of(url) == (origin or sent.split("/")[2].partition("?")[0])
        assert host_of(url) == origin_of(url).removesuffix(":8080")
    assert (origin_of("nonsense"), host_of("http://[")) == ("", "")


def test_a_site_of_this_computer_is_asked_only_where_the_operator_says(
    site, client, monkeypatch
):
    one = site({"/a": lambda _: page()})
    monkeypatch.setenv(LOCAL_SITES, "localhost:1, 127.0.0.1, 127.0.0.1:1")
    with pytest.raises(UnsafeAddressError, match=LOCAL_SITES):
        client(one).get_text(f"{one.address}/a")
    monkeypatch.delenv(LOCAL_SITES)
    with pytest.raises(UnsafeAddressError, match=LOCAL_SITES):
        client(one).get_text(f"{one.address}/a")
    assert one.requests == []
    monkeypatch.setenv(LOCAL_SITES, f"localhost:1,{one.origin.upper()}")
    assert client(one).get_text(f"{one.address}/a") == "hello"


@pytest.mark.parametrize(
    "address",
    [
        *("10.1.2.3", "192.168.0.1", "127.0.0.1", "169.254.169.254", "::1", "fd00::1"),
        *("::ffff:10.0.0.1", "0.0.0.0", "224.0.0.1", "100.64.0.1", "fe80::1%eth0"),
        *("0.1.2.3", "100.127.255.255", "255.255.255.255", "240.0.0.1", "192.0.0.8"),
        *("198.18.0.1", "172.31.255.255", "192.0.2.1", "192.88.99.1", "239.1.1.1"),
        *("::", "::127.0.0.1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8"),
        *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::"),
        *("2002:808:808::", "2001:0:808:808::1", "2001:20::1", "2001:db8::1"),
        *("fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "ff0e::1", "100::1"),
        *("5f00::1", "3fff::1", "4000::1", "0x7f.1", "2130706433", "", "no number"),
    ],
)
def test_private_networks_are_not_asked(address):
    with pytest.raises(UnsafeAddressError, match="open internet"):
        check_public(address, "museum.example")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "100.63.255.255", "2606:4700::1111", "2a00:1450::5"]
)
def test_public_addresses_are_asked(address):
    check_public(address, "museum.example")


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
        ("ינאי".encode("iso-8859-8"), "ISO-8859-8-I", "ינאי"),
        (
            '<META CONTENT="text/html; CHARSET = windows-1255">ינאי'.encode("cp1255"),
            "",
            '<META CONTENT="text/html; CHARSET = windows-1255">ינאי',
        ),
        ("103–76 BC, “Jannée”".encode("cp1252"), "iso-8859-1", "103–76 BC, “Jannée”"),
        (b"\xff\x81\x81", "no-such", "ÿ\ufffd\ufffd"),
        ("Jannée יהוחנן".encode() + b"\xff", "utf-8", "Jannée יהוחנן\ufffd"),
        (
            "<meta charset=utf-8>103–76 “Jannée”".encode() + b"\xe2\x80",
            "",
            "<meta charset=utf-8>103–76 “Jannée”\ufffd",
        ),
        ("103–76, Jannée".encode("cp1252"), "utf-8", "103–76, Jannée"),
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
    (data_dir() / "contact.txt").write_bytes(b"curator@example.org\xff")
    with pytest.raises(ContactMissingError, match="in ASCII"):
        read_contact()


def test_what_is_done_stands_in_the_log(site, client, caplog):
    caplog.set_level(logging.INFO, "scrapers")
    one = site({"/a": lambda _: page()})
    client(one).get_text(f"{one.address}/a")
    assert f"GET {one.address}/a" in caplog.text
    assert "has a robots.txt" in caplog.text


SECRET = "hunter2-token"


@pytest.fixture
def speaks():
    """Opens servers that send the given bytes, each piece after a wait."""
    opened: list[socket.socket] = []

    def open_server(*pieces: bytes, wait_s: float = 0.0) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        opened.append(server)
        origin = f"127.0.0.1:{server.getsockname()[1]}"
        os.environ[LOCAL_SITES] = " ".join([*local_sites(), origin])

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        for piece in pieces:
                            connection.sendall(piece)
                            time.sleep(wait_s)

        threading.Thread(target=serve, daemon=True).start()
        return origin

    yield open_server
    for one in opened:
        one.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HALF = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Y: {SECRET}".encode()


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (f"SSH-2.0-{SECRET}\r\n", ServerFailureError),
        (f"{SECRET}\r\n\r\n", UnexpectedAnswerError),
        (f"HTTP/1.1 200 OK\r\n{SECRET}\r\n\r\n", UnexpectedAnswerError),
        (f"HTTP/1.1 2{SECRET} OK\r\n\r\n", UnexpectedAnswerError),
        (f"HTTP/1.1 302 X\r\nLocation: http://[{SECRET}\r\n\r\n", UnsafeAddressError),
        (HEAD + f"Content-Length: {SECRET}\r\n\r\n".encode(), UnexpectedAnswerError),
        (HEAD + b"Content-Length: -5\r\n\r\n", UnexpectedAnswerError),
        (HEAD + b"Content-Length: 5, 6\r\n\r\n", UnexpectedAnswerError),
        (
            HEAD + f"Transfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(),
            UnexpectedAnswerError,
        ),
        (HEAD + f"Content-Encoding: {SECRET}\r\n\r\nx".encode(), UnexpectedAnswerError),
        (HEAD + f"Content-Length: 30\r\n\r\n{SECRET}".encode(), UnexpectedAnswerError),
        (HEAD + f"\r\n{{{SECRET}".encode(), UnexpectedAnswerError),
        (
            HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(20_000)),
            UnexpectedAnswerError,
        ),
        (HEAD + b"X: " + b"y" * 300_000, UnexpectedAnswerError),
        (HEAD + b"\r\n" + b"[" * 100_000, UnexpectedAnswerError),
        (HEAD + b"\r\n" + b"9" * 100_000, UnexpectedAnswerError),
    ],
)
def test_an_answer_that_is_no_answer_is_told_and_never_quoted(
    speaks, client, caplog, sent, error
):
    origin = speaks(sent.encode() if isinstance(sent, str) else sent)
    polite = client(
        origins=frozenset({origin}), backoff_s=(), robots_exemptions=frozenset()
    )
    polite._rules[origin] = RobotsRules(parser=None)
    with pytest.raises(error) as told:
        polite.get_json(f"http://{origin}/a")
    assert SECRET not in str(told.value)
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "pieces", [(HALF, *[b"x"] * 200), (HEAD + b"\r\n", *[b"1"] * 200)]
)
def test_an_answer_that_drips_ends(speaks, client, monkeypatch, pieces):
    """The whole of it has a time, not only each byte; it is not asked for again."""
    monkeypatch.setattr(checked_transport, "RESPONSE_S", 0.5)
    origin = speaks(*pieces, wait_s=0.05)
    polite = client(origins=frozenset({origin}))
    polite._rules[origin] = RobotsRules(parser=None)
    begun = time.monotonic()
    with pytest.raises(UnexpectedAnswerError, match=r"more than 0\.5 s"):
        polite.get_json(f"http://{origin}/a")
    assert time.monotonic() - begun < 8  # all of it takes ten seconds


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "deflate", "br", "zstd", "gzip;q=1", "x", "identity, br"]
)
def test_only_the_encoding_that_was_asked_for_is_unpacked(site, client, encoding):
    headers = {"Content-Encoding": encoding}
    one = site({"/a": lambda _: page(gzip.compress(b"hello"), headers=headers)})
    with pytest.raises(UnexpectedAnswerError, match="encoding"):
        client(one).get_text(f"{one.address}/a")
    assert one.asked("/a")[0].headers["Accept-Encoding"] == "gzip"


def test_an_answer_is_unpacked_once_and_to_its_limit(site, client):
    """A bomb takes no more memory than the limit, and a nested one less."""
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(60)) + pack.flush()
    headers = {"Content-Encoding": "GZip"}
    one = site(
        {
            "/bomb": lambda _: page(bomb, headers=headers),
            "/nested": lambda _: page(gzip.compress(bomb), headers=headers),
            "/cut": lambda _: page(gzip.compress(b"hello" * 99)[:-9], headers=headers),
            "/empty": lambda _: page(b"", headers=headers),
            "/plain": lambda _: page(
                b"hello", headers={"Content-Encoding": "identity"}
            ),
        }
    )
    polite = client(one)
    polite.permit(f"{one.address}/bomb")
    tracemalloc.start()
    try:
        with pytest.raises(UnexpectedAnswerError, match="16 MB, the limit"):
            polite.get_text(f"{one.address}/bomb")
        assert len(polite.get_text(f"{one.address}/nested")) <= len(bomb)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * http_client.TEXT_BYTES
    with pytest.raises(UnexpectedAnswerError, match="cut off"):
        polite.get_text(f"{one.address}/cut")
    assert polite.get_text(f"{one.address}/empty") == ""
    assert polite.get_text(f"{one.address}/plain") == "hello"


def test_cookies_stay_with_the_host_that_set_them(site, client):
    """Also where two hosts share a name, a parent, or an address."""
    headers = {"Set-Cookie": "session=1; Path=/"}
    one = site({"/a": lambda _: page(headers=headers), "/b": lambda _: page()})
    other = site({"/a": lambda _: page()})
    polite = client(one, other)
    for address in (f"{one.address}/a", f"{other.address}/a", f"{one.address}/b"):
        polite.get_text(address)
    assert [r.headers.get("Cookie") for r in one.requests[1:]] == [None, "session=1"]
    assert all("Cookie" not in request.headers for request in other.requests)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        *(("7", 7.0), (" 7 ", 7.0), ("", None), ("soon", None), ("\xb2", None)),
        *(("-1", None), ("9" * 5000, 1e9), ("nan", None)),
        *(("Mon, 01 Jan 0001 00:00:00 GMT", None), ("Mon, 01 Jan 2001 00:00:00", None)),
        ("Fri, 31 Dec 99999999 00:00:00 GMT", None),
    ],
)
def test_a_wait_is_read_or_left(value, seconds):
    assert http_response.parse_retry_after(value) == seconds


@pytest.mark.parametrize(
    "charset",
    ["punycode", "idna", "unicode_escape", "zlib", "undefined", "rot13", "\0"],
)
def test_a_page_names_no_encoding_but_one_of_pages(charset):
    assert http_response.decode_text(b"\xff\x41\\n", charset) == "ÿA\\n"
    body = b"<meta charset='%s'>\xff" % charset.encode()
    assert http_response.decode_text(body).endswith("ÿ")


@pytest.mark.parametrize("delay", ["3601", "99999999"])
def test_a_pause_of_hours_is_a_no(site, client, delay):
    one = site({"/a": lambda _: page()}, robots=f"User-agent: *\nCrawl-delay: {delay}")
    with pytest.raises(SiteRefusesError, match="pause"):
        client(one).get_text(f"{one.address}/a")
    assert one.asked("/a") == []
