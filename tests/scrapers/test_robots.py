"""No source asks what robots.txt or the pause forbids; the sites' referees look on."""

from __future__ import annotations

from importlib import import_module

import pytest

from coin_core.catalog.scrape_jobs import ScrapeOrder
from scrapers.errors import RobotsForbidError, ScrapeError, SiteRefusesError
from scrapers.rate_limiter import OTHER_PAUSE_S, RateLimiter
from scrapers.registry import (
    QueryKind,
    get_source,
    known_pauses_s,
    list_sources,
    open_source,
)
from scrapers.sources.browser import BrowserPages
from tests.scrapers import museums
from tests.scrapers.fake_sites import CONTACT, FakeSite, Reply

NOTHING = "User-agent: *\nDisallow: /\n"
NO_PHOTOS = "User-agent: *\nDisallow: /files/\nDisallow: /image/\nDisallow: /coll\n"


def shut(one: FakeSite, robots: str, *forbidden: str) -> FakeSite:
    one.robots, one.forbidden = robots, forbidden
    return one


def museum(name: str, site) -> FakeSite:
    """A fake of the source's site: of `museums`, or of the source's own tests."""
    if get_source(name).photos_from:
        return getattr(museums, name)(site, 2, site())
    if (make := getattr(museums, name, None)) is None:
        make = import_module(f"tests.scrapers.sources.test_{name}").museum
    return make(site, 2)


COLLECTIONS = [one.name for one in list_sources() if one.query_kind is QueryKind.WORDS]


@pytest.mark.parametrize("name", COLLECTIONS)
def test_a_site_that_wants_no_programs_is_asked_for_its_robots_txt_alone(
    name, site, client
):
    one = museum(name, site)
    shut(one, NOTHING, *(path for path in one.routes if path != "/robots.txt"))
    with pytest.raises(RobotsForbidError):
        list(get_source(name).factory(client(one), one.address).find("prutah"))
    assert {request.path for request in one.requests} == {"/robots.txt"}


def test_a_browser_is_not_sent_where_robots_txt_forbids(site, client):
    one = shut(site({"/search.html": lambda _: Reply("x")}), NOTHING, "/search.html")
    with pytest.raises(RobotsForbidError):
        list(BrowserPages(client(one)).find(f"{one.address}/search.html"))
    assert {request.path for request in one.requests} == {"/robots.txt"}


@pytest.mark.parametrize(
    "name", [n for n in COLLECTIONS if not get_source(n).photos_from]
)
def test_photos_that_robots_txt_forbids_are_not_asked_for(name, site, client):
    one = shut(museum(name, site), NO_PHOTOS, "/files/", "/image/", "/collection")
    source = get_source(name).factory(client(one), one.address)
    listing = next(iter(source.find("prutah")))
    with pytest.raises(RobotsForbidError):
        source.fetch(listing.images[0])


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_source_asks_one_thing_at_a_time_with_its_pause(name, site, client):
    """Each site's referee fails the test for overlaps and hasty requests."""
    sites = [museum(name, site)]
    if get_source(name).photos_from:
        photos = site({"/collectionimages/": museums.photo})
        sites = [getattr(museums, name)(site, 4, photos), photos]
    source = get_source(name).factory(client(*sites), sites[0].address)
    for listing in source.find("prutah"):
        for image in listing.images:
            source.fetch(image)
    assert sum(len(one.requests) for one in sites) >= 4


def test_an_api_is_asked_with_permission_and_nothing_else_is(site, monkeypatch):
    """Who has the host's leave may ask its API; its files stay forbidden."""
    monkeypatch.setenv("COIN_CONTACT", CONTACT)
    one = museums.commons(site, 2)
    shut(one, "User-agent: *\nDisallow: /w/\nDisallow: /files/\n", "/files/")
    one.pause_s = 0.0
    base, host = one.address, "127.0.0.1"
    order = {"source": "commons", "query": "prutah", "who": "ada", "base": base}
    with (
        open_source(ScrapeOrder(**order)) as source,
        pytest.raises(RobotsForbidError, match=f"--i-have-permission {host}"),
    ):
        list(source.find("prutah"))
    assert one.asked("/w/api.php") == []
    with open_source(ScrapeOrder(**order, permission=host)) as source:
        listing = next(iter(source.find("prutah")))
        with pytest.raises(RobotsForbidError):
            source.fetch(listing.images[0])
    assert len(one.asked("/w/api.php")) == 1
    with (
        pytest.raises(ScrapeError, match="the permission is for"),
        open_source(ScrapeOrder(**order, permission="elsewhere.example")),
    ):
        pass


def test_a_robots_txt_that_cannot_be_read_forbids_everything(site, client):
    one = museums.commons(site, 1)
    one.routes["/robots.txt"] = lambda _: Reply(b"\x00", kind="image/png")
    with pytest.raises(SiteRefusesError, match="cannot be read"):
        list(get_source("commons").factory(client(one), one.address).find("prutah"))
    assert one.asked("/w/api.php") == []


def test_the_pauses_are_those_agreed_on(tmp_path):
    rate_limiter = RateLimiter(tmp_path, known_pauses_s())
    for one in list_sources():
        for origin in one.hosts:
            assert rate_limiter.pause_s(origin) == one.pause_s >= 1.0
    for other in ("nomisma.org", "www.acsearch.info", "ikmk.at"):
        assert rate_limiter.pause_s(other) >= OTHER_PAUSE_S == 2.0
