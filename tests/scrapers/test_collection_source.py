"""What holds for every open collection."""

from __future__ import annotations

import contextlib

import pytest

from scrapers.errors import (
    ScrapeError,
    SiteBusyError,
    UnsafeAddressError,
)
from scrapers.sources import ans, commons, ikmk, nomisma
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply


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


@pytest.mark.parametrize(
    ("source", "path", "kind", "garbage"),
    [
        (commons.Commons, "/w/api.php", "application/json", "[]"),
        (ans.Ans, "/search/apis/search", "text/xml", "<overloaded/>"),
        (ans.Ans, "/search/id/", "text/xml", "<overloaded/>"),
        (ikmk.Ikmk, "/object", "application/json", '"overloaded"'),
        (nomisma.Nomisma, "/query", "application/sparql-results+json", "{}"),
    ],
)
def test_an_answer_that_cannot_be_read_is_not_kept(
    site, client, source, path, kind, garbage
):
    if source is nomisma.Nomisma:
        one = museums.nomisma(site, 1, site())
    else:
        one = getattr(museums, source.__name__.lower())(site, count=1)
    good = one.routes[path]
    one.routes[path] = Reply(garbage, kind=kind)
    asked = source(client(one), one.address)
    with contextlib.suppress(ScrapeError):
        list(asked.find("x"))
        assert asked.problems
    one.routes[path] = good
    (_,) = source(client(one), one.address).find("x")
