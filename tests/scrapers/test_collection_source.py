"""What holds for every open collection."""

from __future__ import annotations

import contextlib

import pytest

from scrapers.errors import (
    ScrapeError,
    ServerFailureError,
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
    one.routes["/object"] = lambda _: Reply(status=503, headers={"Retry-After": "9000"})
    with pytest.raises(SiteBusyError):
        list(ikmk.Ikmk(client(one), base=one.address).find("x"))


@pytest.mark.parametrize("failure", [Reply(status=500), Reply(hang_up=True)])
def test_a_record_at_which_the_server_fails_costs_only_itself(site, client, failure):
    one = museums.ikmk(site, count=3)
    good = one.routes["/object"]
    one.routes["/object"] = lambda request: (
        failure if request.query["id"] == "182001" else good(request)
    )
    source = ikmk.Ikmk(client(one), base=one.address)
    assert [lot.record_id for lot in source.find("x")] == ["182000", "182002"]
    (problem,) = source.problems
    assert "182001" in problem


def test_a_server_that_fails_at_every_record_ends_the_run(site, client):
    one = museums.ikmk(site, count=30)
    one.routes["/object"] = lambda _: Reply(status=500)
    source = ikmk.Ikmk(client(one, backoff_s=()), base=one.address)
    with pytest.raises(ServerFailureError):
        list(source.find("x"))
    assert len(source.problems) == 19


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
