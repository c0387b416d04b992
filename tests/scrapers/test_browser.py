"""A real Chromium before an endless list of our own."""

from __future__ import annotations

import json
import os
import shutil
from itertools import pairwise

import pytest

from scrapers._browser import BrowserPages
from scrapers._pacing import Pacer
from scrapers.errors import PageChangedError, RobotsForbidError
from tests.scrapers.fake_sites import SLACK_S, FakeSite, Reply

PER_PAGE = 10

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


def endless(open_site, total: int, *, gives: int | None = None) -> FakeSite:
    """An acsearch-like list that loads ten more at each scroll, slowly."""
    gives = total if gives is None else gives

    def more(request) -> Reply:
        first = int(request.query["page"]) * PER_PAGE
        lots = [
            {
                "id": 1000 + n,
                "title": f"House, Auction 1, Lot {n}",
                "text": "Alexander Jannaeus. Prutah.",
                "image": f"/photos/{n}.s.jpg",
            }
            for n in range(first, min(first + PER_PAGE, gives))
        ]
        return Reply(json.dumps(lots), kind="application/json", delay_s=0.2)

    script = SCRIPT.replace("TOTAL", str(total))
    page = (
        "<html><head><title>acsearch.info</title><link rel=icon href='data:,'></head>"
        f"<body><h1>Results 0-0 of {total} for prutah</h1>"
        "<div id=search-container style='min-height: 2000px'></div>"
        "<script>acsearch = {}; acsearch.initSearchResults = [];</script>"
        f"<script>{script}</script></body></html>"
    )
    return open_site(
        {"/search.html": lambda _: Reply(page), "/more": more}, pause_s=0.0
    )


@pytest.fixture
def browser():
    if shutil.which("chromedriver") is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium with its driver is missing")
        pytest.skip("Chromium is missing: apt install chromium chromium-driver")
    return BrowserPages


@pytest.mark.browser
def test_an_endless_list_is_read_to_its_end(site, client, browser, tmp_path):
    one, pause_s = endless(site, total=35), 0.6
    pacer = Pacer(tmp_path / "pace", {one.origin: pause_s})
    pages = browser(client(one, pacer=pacer), patience_s=60)
    lots = list(pages.find(f"{one.address}/search.html"))
    assert len(lots) == 35
    assert lots[0].images[0].url == f"{one.address}/photos/0.s.jpg"
    assert sum(bool(lot.images) for lot in lots) == 35
    _, *scrolled = [request.at for request in one.asked("/more")]
    assert len(scrolled) == 3
    # the page asks for the first lots itself; each scroll keeps the pause
    for before, after in pairwise(scrolled):
        assert after - before >= pause_s - SLACK_S
    assert not [r for r in one.requests if r.path.startswith("/photos/")]


@pytest.mark.browser
def test_a_list_that_ends_too_early_is_refused(site, client, browser):
    one = endless(site, total=35, gives=10)
    pages = browser(client(one), patience_s=4)
    with pytest.raises(PageChangedError, match="announces 35"):
        list(pages.find(f"{one.address}/search.html"))


def test_robots_txt_holds_for_browsers_too(site, client):
    one = site()
    with pytest.raises(RobotsForbidError):
        list(BrowserPages(client(one)).find(f"{one.address}/private/list"))
