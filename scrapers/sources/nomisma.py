"""nomisma.org: coins of many collections, found by a SPARQL query.

Only photos on the hosts of other sources are fetched. There is no type corpus of
Hasmonean coins, so the titles are searched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from coin_core.catalog.licences import normalize_licence
from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.collection_source import CollectionSource
from scrapers.errors import PageChangedError, ScrapeError, UnexpectedAnswerError
from scrapers.measures import parse_axis, parse_size
from scrapers.registry import register_source
from scrapers.url_safety import host_of, local_sites, origin_of

NAME: Final = "nomisma"
_PAGE: Final = 500

_QUERY: Final = """\
PREFIX rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#>
PREFIX dcterms: <http://purl.org/dc/terms/>
PREFIX foaf: <http://xmlns.com/foaf/0.1/>
PREFIX nmo: <http://nomisma.org/ontology#>
PREFIX void: <http://rdfs.org/ns/void#>
SELECT DISTINCT ?coin ?title ?identifier ?licence ?publisher ?weight ?diameter ?axis
  ?both ?obverse ?reverse WHERE {{
  ?coin a nmo:NumismaticObject ; dcterms:title ?title ; void:inDataset ?set .
  FILTER (CONTAINS(LCASE(STR(?title)), "{words}"))
  OPTIONAL {{ ?coin dcterms:identifier ?identifier }}
  OPTIONAL {{ ?set dcterms:license ?licence }}
  OPTIONAL {{ ?set dcterms:publisher ?publisher }}
  OPTIONAL {{ ?coin nmo:hasWeight ?weight }}
  OPTIONAL {{ ?coin nmo:hasDiameter ?diameter }}
  OPTIONAL {{ ?coin nmo:hasAxis ?axis }}
  OPTIONAL {{ ?coin foaf:depiction ?both }}
  OPTIONAL {{ ?coin nmo:hasObverse/foaf:depiction ?obverse }}
  OPTIONAL {{ ?coin nmo:hasReverse/foaf:depiction ?reverse }}
}} ORDER BY ?coin LIMIT {limit} OFFSET {offset}"""


@register_source(
    name=NAME,
    title="nomisma.org",
    summary="Coins of many collections; photos come from Berlin and the ANS only.",
    order=4,
    query_label="Words in the title of the coin",
    query_hint="jannaeus",
    base_url="https://nomisma.org",
    hosts=("nomisma.org",),
    photos_from=("ans", "ikmk"),
)
class Nomisma(CollectionSource):
    """Coins of the collections that nomisma.org joins."""

    def plan(self, query: str) -> tuple[str, ...]:
        """The requests of a run, in sentences."""
        return (
            f"ask {self.base}/query for coins with {query!r} in their title",
            f"fetch photos from {', '.join(sorted(self.client.origins))} only",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The coins, each once, page by page."""
        offset, listed = 0, set[str]()
        while True:
            answer = self.client.get_json(
                f"{self.base}/query",
                {"query": build_query(query, offset=offset)},
                accept="application/sparql-results+json",
                check=parse_answer,
            )
            listings, rows = parse_answer(answer)
            fresh = [one for one in listings if one.record_id not in listed]
            if rows and not fresh:
                raise PageChangedError("nomisma.org answers the same coins again.")
            for listing in fresh:
                listed.add(listing.record_id)
                yield self._with_known_photos(listing)
            if rows < _PAGE:
                return
            offset += _PAGE

    def _with_known_photos(self, listing: Listing) -> Listing:
        """The listing with the photos that may be fetched."""
        kept = tuple(
            image
            for image in listing.images
            if origin_of(image.url) in self.client.origins
        )
        dropped = [image for image in listing.images if image not in kept]
        if dropped:
            host = host_of(dropped[0].url) or "no host"
            self.problems.append(
                f"{listing.url[:200]}: its photos are on {host}, which is no source "
                "here."
            )
        return replace(listing, images=kept)


def build_query(words: str, *, offset: int = 0) -> str:
    """The query in SPARQL.

    Raises:
        ScrapeError: The words have characters with a meaning in SPARQL.
    """
    plain = " ".join(words.casefold().split())
    if not plain or re.search(r"[\"'\\{}<>\n]", plain):
        raise ScrapeError(
            f"nomisma.org is searched for plain words in titles, not {words!r}."
        )
    return _QUERY.format(words=plain, limit=_PAGE, offset=offset)


def parse_answer(answer: Any) -> tuple[tuple[Listing, ...], int]:
    """The coins of an answer, and how many rows it has; a coin may have several.

    Raises:
        UnexpectedAnswerError: It is not a SPARQL result.
    """
    try:
        rows = answer["results"]["bindings"]
        values = [
            {key: str(cell["value"]) for key, cell in row.items()} for row in rows
        ]
    except (TypeError, KeyError, AttributeError) as error:
        raise UnexpectedAnswerError(
            "nomisma.org answered JSON that is no SPARQL result."
        ) from error
    coins: dict[str, list[dict[str, str]]] = {}
    for value in values:
        if value.get("coin"):
            coins.setdefault(value["coin"], []).append(value)
    return tuple(_from_rows(coin, some) for coin, some in coins.items()), len(rows)


def _from_rows(coin: str, rows: list[dict[str, str]]) -> Listing:
    values = {key: value for row in reversed(rows) for key, value in row.items()}
    sides = (
        ("obverse", ImageSide.OBVERSE),
        ("reverse", ImageSide.REVERSE),
    )
    images = [
        ListingImage(url=_https(values[key]), side=side)
        for key, side in sides
        if values.get(key)
    ]
    if not images and values.get("both"):
        images = [ListingImage(url=_https(values["both"]), side=ImageSide.BOTH)]
    raw = values.get("licence", "")
    return Listing(
        source=NAME,
        record_id=coin,
        url=coin,
        title=values.get("title", ""),
        images=tuple(images),
        licence=normalize_licence("", raw),
        licence_raw=raw,
        credit=values.get("publisher") or host_of(coin),
        weight_g=parse_size(values.get("weight", "")),
        diameter_mm=parse_size(values.get("diameter", "")),
        die_axis_h=parse_axis(values.get("axis", "")),
    )


def _https(url: str) -> str:
    """The encrypted address: datasets have old ones; a local address stays."""
    local = origin_of(url) in local_sites()
    return url if local else re.sub(r"^http:", "https:", url)
