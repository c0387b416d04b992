"""A real Chromium before an endless list of our own."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from scrapers.errors import (
    PageChangedError,
    RobotsForbidError,
    ScrapeError,
    ServerFailureError,
    SiteBusyError,
    SiteRefusesError,
    UnexpectedAnswerError,
    UnsafeAddressError,
)
from scrapers.rate_limiter import RateLimiter
from scrapers.sources import browser as browser_source
from scrapers.sources.browser import BrowserPages
from tests.scrapers.fake_sites import FakeSite, Reply

PER_PAGE = 10
BROWSER_PAUSE_S = 0.3

SCRIPT = """
let page = 0, busy = false;
const list = document.getElementById('search-container');
const wake = new IntersectionObserver(entries => entries.forEach(entry => {
  if (entry.isIntersecting) entry.target.src = entry.target.dataset.later; }));
const more = async () => {
  if (busy || page * 10 >= TOTAL) return;
  busy = true;
  const lots = await (await fetch('/more?page=' + page)).json();
  for (const lot of lots) {
    const box = document.createElement('div');
    box.className = 'auction-lot'; box.dataset.id = lot.id; box.style.height = '300px';
    box.innerHTML = `<div class=lot-img><img src="/blank.gif"></div>
      <div class=lot-date><span>1.2.2020</span></div>
      <div class=lot-desc><b>${lot.title}</b><span>${lot.text}</span></div>`;
    box.querySelector('img').dataset.later = lot.image;
    list.append(box); wake.observe(box.querySelector('img'));
  }
  page += 1; busy = false;
};
addEventListener('scroll', more); more();
"""

SLIPS = """
fetch('/private/x'); fetch('http://ELSEWHERE/'); navigator.sendBeacon('/private/y');
for (const host of [location.host, 'ELSEWHERE']) {
  new WebSocket(`ws://${host}/private/socket`);
  new SharedWorker(`data:text/javascript,fetch('http://${host}/private/worker')`); }
navigator.serviceWorker.register('/private/service.js').catch(() => {}); page++
"""
CALLS = """
const call = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:PORT'}]});
call.createDataChannel('x');
call.createOffer().then(offer => call.setLocalDescription(offer));
await new Promise(done => setTimeout(done, 1500)); page++
"""
BY_POST = """await fetch('/more', {
  method: 'POST', headers: {'X-Requested-With': 'XMLHttpRequest'},
  body: new URLSearchParams({page, word: 'יהוחנן'})})"""
ASIDE = """
await fetch('/aside', {method: 'POST', body: new Uint8Array([255])}).catch(() => {});
await fetch('/torn', {method: 'POST', body: 'x'}).catch(() => {});
document.cookie = 'own=5';
await Promise.all([fetch('/aside?1'), fetch('/aside?2')]);
"""


def endless(
    open_site, total: int, *, gives: int | None = None, more=None, **changes: str
) -> FakeSite:
    """An acsearch-like list that loads ten more at each scroll, slowly.

    Args:
        open_site: Opens a site; its referee judges what the browser asks, too.
        total: How many lots it announces.
        gives: How many there really are.
        more: Answers instead of the list, from the third scroll on.
        changes: Words of the page and what stands in their place.
    """
    gives = total if gives is None else gives

    def answer(request) -> Reply:
        page = int({**request.query, **request.form}["page"])
        if more is not None and page >= 2:
            return more
        first = page * PER_PAGE
        lots = [
            {
                "id": 1000 + n,
                "title": f"House, Auction 1, Lot {n}",
                "text": "Alexander Jannaeus. Prutah.",
                "image": f"/photos/{n}.s.jpg",
            }
            for n in range(first, min(first + PER_PAGE, gives))
        ]
        return Reply(
            json.dumps(lots),
            kind="application/json",
            headers={"Set-Cookie": f"seen={page}; HttpOnly"},
            delay_s=0.2,
        )

    script = SCRIPT.replace("TOTAL", str(total))
    page = (
        "<html><head><title>acsearch.info</title><link rel=icon href='data:,'></head>"
        f"<body><h1>Results 0-0 of {total} for prutah</h1>"
        "<div id=search-container style='min-height: 2000px'></div>"
        "<script>acsearch = {}; acsearch.initSearchResults = [];</script>"
        f"<script>{script}</script></body></html>"
    )
    for word, other in changes.items():
        page = page.replace(word, other)
    return open_site(
        {"/search.html": lambda _: Reply(page), "/more": answer},
        pause_s=BROWSER_PAUSE_S,
    )


@pytest.fixture
def browser():
    if shutil.which("chromedriver") is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium with its driver is missing")
        pytest.skip("Chromium is missing: apt install chromium chromium-driver")
    return BrowserPages


@pytest.fixture
def reads(browser, client, tmp_path):
    """Reads the list of a site to its end, with its pause."""

    def read(one: FakeSite, change_s: float = 60.0, address: str = "/search.html"):
        rate_limiter = RateLimiter(tmp_path / "pace", {one.origin: BROWSER_PAUSE_S})
        pages = browser(client(one, rate_limiter=rate_limiter), change_s=change_s)
        return list(pages.find(f"{one.address}{address}"))

    return read


@pytest.mark.slow
@pytest.mark.browser
def test_an_endless_list_is_read_to_its_end(site, reads):
    """The referee sees that the page's own requests come one by one, with the pause."""
    one = endless(site, total=35)
    lots = reads(one)
    assert len(lots) == 35
    assert lots[0].images[0].url == f"{one.address}/photos/0.s.jpg"
    assert sum(bool(lot.images) for lot in lots) == 35
    assert len(one.asked("/more")) == 4
    assert not [r for r in one.requests if r.path.startswith("/photos/")]


def test_lots_that_appear_just_after_the_page_was_read_are_read_too():
    class Driver:
        """Shows five more lots at a scroll, and five when its page was read."""

        shown = 5

        def execute_script(self, script: str) -> str | int:
            if script == browser_source._SCROLL:
                self.shown = min(self.shown + 5, 20)
            return self.shown if script == browser_source._STATE else 0

        @property
        def page_source(self) -> str:
            lots = "".join(
                f"<div class=auction-lot data-id={n}><div class=lot-img></div>"
                "<div class=lot-date><span>1.2.2020</span></div><div class=lot-desc>"
                f"<b>House, Auction 1, Lot {n}</b><span>Prutah.</span></div></div>"
                for n in range(self.shown)
            )
            self.shown = min(self.shown + 5, 20)
            return (
                "<html><head><title>acsearch.info</title></head><body>"
                "<h1>Results 0-0 of 20 for prutah</h1><div id=search-container>"
                f"{lots}</div><script>acsearch.initSearchResults = [];</script></body>"
            )

    pages = BrowserPages(None, change_s=0.1)
    proxy = SimpleNamespace(refusal=None)
    page = pages._scroll_to_end(Driver(), "https://www.acsearch.info/", proxy)
    assert len(page.listings) == 20


@pytest.mark.slow
@pytest.mark.browser
def test_what_a_page_asks_for_is_sent_as_it_meant_it(site, reads, caplog):
    """Forms, cookies and two at a time; no second try, nothing half understood."""
    one = endless(
        site,
        total=15,
        **{
            "await fetch('/more?page=' + page)": BY_POST,
            "const lots": f"{ASIDE} const lots",
        },
    )
    one.routes["/aside"] = lambda _: Reply("{}", delay_s=0.2)
    one.routes["/torn"] = lambda _: Reply(hang_up=True)
    assert len(reads(one)) == 15
    first, second = one.asked("/more")
    assert first.form["word"] == "יהוחנן"
    assert first.headers["x-requested-with"] == "XMLHttpRequest"
    assert first.headers["origin"] == one.address
    assert first.headers["referer"] == f"{one.address}/search.html"
    assert set(second.headers["cookie"].split("; ")) == {"seen=0", "own=5"}
    assert [r.method for r in one.asked("/aside")] == ["GET"] * 4
    assert "is too long or no text" in caplog.text
    assert len(one.asked("/torn")) == 2  # once for each ten lots


@pytest.mark.browser
def test_a_page_gets_nothing_that_we_would_not_ask_for(site, reads, caplog):
    """What robots.txt forbids, and other hosts, stay unasked in the browser too."""
    elsewhere = site()
    one = endless(
        site,
        total=5,
        **{"page += 1": SLIPS.replace("ELSEWHERE", elsewhere.origin)},
    )
    assert len(reads(one)) == 5
    assert {r.path for r in one.requests} == {"/robots.txt", "/search.html", "/more"}
    assert elsewhere.requests == []
    assert elsewhere.address in caplog.text


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_calls_nobody_past_the_program(site, reads):
    """Calls between browsers are UDP, which needs neither names nor requests."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(0.2)
        port = str(listener.getsockname()[1])
        one = endless(site, total=5, **{"page += 1": CALLS.replace("PORT", port)})
        assert len(reads(one)) == 5
        with pytest.raises(TimeoutError):
            listener.recv(100)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        # fewer lots than announced
        ({"gives": 10}, "announces 35 lots and shows no more than 10"),
        # the site was built anew
        ({"'auction-lot'": "'lot-card'"}, "announces"),
        # it is built anew between two scrolls
        (
            {"'auction-lot'": "(page < 2 ? 'auction-lot' : 'lot-card')"},
            "announces 35 lots and shows no more than 20",
        ),
        # lots that are scrolled out of sight are taken away
        (
            {"page += 1": "while (list.children[10]) list.firstChild.remove(); page++"},
            "announces 35 lots and shows no more than 10",
        ),
        # another list than was asked for
        ({"Results 0-0": "No such coins. Popular lots 0-0"}, "does not say how many"),
    ],
)
def test_a_list_that_is_not_what_it_should_be_is_refused(site, reads, changes, words):
    one = endless(site, total=35, **changes)
    with pytest.raises(PageChangedError, match=words):
        reads(one, change_s=3)


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("more", "error", "words"),
    [
        (Reply(status=429, headers={"Retry-After": "7"}), SiteBusyError, "wait 7 s"),
        (Reply("<h1>no robots", status=403), SiteRefusesError, "refuses"),
    ],
)
def test_a_site_that_says_no_amid_the_list_is_left_alone(
    site, reads, more, error, words
):
    one = endless(site, total=35, more=more)
    with pytest.raises(error, match=words):
        reads(one)
    assert len(one.asked("/more")) == 3


@pytest.mark.slow
@pytest.mark.browser
def test_a_page_that_leads_elsewhere_or_is_refused_is_not_read(site, reads):
    elsewhere = site({"/a": lambda _: Reply("<p>stolen")})
    leads = {"Location": f"{elsewhere.address}/a"}
    one = site(
        {
            "/away": lambda _: Reply(status=302, headers=leads),
            "/closed": lambda _: Reply("<h1>members only", status=403),
            "/loop": lambda _: Reply(status=302, headers={"Location": "/loop"}),
            "/gone": lambda _: Reply(hang_up=True),
        },
        pause_s=BROWSER_PAUSE_S,
    )
    with pytest.raises(UnsafeAddressError, match="may be asked"):
        reads(one, address="/away")
    with pytest.raises(SiteRefusesError, match="refuses"):
        reads(one, address="/closed")
    with pytest.raises(UnexpectedAnswerError, match="redirects without end"):
        reads(one, address="/loop")
    with pytest.raises(ServerFailureError, match="no answer"):
        reads(one, address="/gone")
    assert len(one.asked("/gone")) == 1
    assert elsewhere.requests == []


def test_robots_txt_holds_for_browsers_too(site, client):
    one = site()
    with pytest.raises(RobotsForbidError):
        list(BrowserPages(client(one)).find(f"{one.address}/private/list"))


@pytest.mark.browser
def test_a_browser_that_does_not_start_says_what_it_needs(
    site, client, browser, tmp_path
):
    taken = tmp_path / "profile"
    taken.touch()
    one = site()
    pages = browser(client(one), profile=str(taken))
    with pytest.raises(ScrapeError, match="folder that no other window uses"):
        list(pages.find(f"{one.address}/search.html"))


@pytest.mark.browser
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such a signal")
def test_a_killed_scrape_leaves_no_browser(browser, tmp_path):
    def browse() -> None:
        pages = browser(SimpleNamespace(agent="test"))
        with browser_source._open_browser(pages._arguments(str(tmp_path))):
            (tmp_path / "open").touch()
            time.sleep(60)

    child = multiprocessing.get_context("fork").Process(target=browse)
    child.start()
    while not (tmp_path / "open").exists() and child.is_alive():
        time.sleep(0.05)
    below = psutil.Process(child.pid).children(recursive=True)
    assert any("chromedriver" in one.name() for one in below)
    child.kill()
    child.join()
    _, left = psutil.wait_procs(below, timeout=20)
    for one in left:
        one.kill()
    assert left == []
