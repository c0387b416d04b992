"""nomisma.org: the query, and photos on known hosts."""

from __future__ import annotations

import json

import pytest

from scrapers.errors import (
    ScrapeError,
    UnexpectedAnswerError,
)
from scrapers.sources import nomisma
from tests.scrapers import museums
from tests.scrapers.fake_sites import Reply


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


def test_the_host_of_the_photo_that_is_dropped_is_named(site, client):
    photos = site({"/collectionimages/": museums.photo})
    one = museums.nomisma(site, 1, photos)
    row = museums.nomisma_row(0, photos.address)
    row["reverse"]["value"] = "http://elsewhere.example/1.png"
    answer = json.dumps({"results": {"bindings": [row]}})
    one.routes["/query"] = Reply(answer, kind="application/sparql-results+json")
    source = nomisma.Nomisma(client(one, photos), base=one.address)
    (lot,) = source.find("prutah")
    assert len(lot.images) == 1
    assert "its photos are on elsewhere.example" in source.problems[0]


def test_rows_of_one_coin_become_one_listing():
    rows = [museums.nomisma_row(0, "http://127.0.0.1") for _ in range(3)]
    listings, count = nomisma.parse_answer({"results": {"bindings": rows}})
    assert (len(listings), count) == (1, 3)
    with pytest.raises(UnexpectedAnswerError):
        nomisma.parse_answer({"results": None})


@pytest.mark.parametrize("words", ['x") } DROP', "a\\b", "  ", "{"])
def test_a_question_cannot_be_smuggled_in(words):
    with pytest.raises(ScrapeError):
        nomisma.build_query(words)
