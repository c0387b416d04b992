"""Berlin's interactive catalogue (IKMK): search in a session, one JSON per object."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from coin_core.catalog.licences import normalize_licence
from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.collection_source import CollectionSource
from scrapers.errors import PageChangedError, UnexpectedAnswerError
from scrapers.html_utils import (
    attribute,
    plain_text,
    read_html,
    read_number,
    strip_markup,
)
from scrapers.measures import parse_axis, parse_size
from scrapers.registry import register_source
from scrapers.url_safety import host_of

NAME: Final = "ikmk"
_BASE: Final = "https://ikmk.smb.museum"
_MOST: Final = 4000
_KEEP_S: Final = 30 * 86_400.0
_ID: Final = re.compile(r"[?&]id=(\d{3,})\b")
_SIDES: Final = (("vs", ImageSide.OBVERSE), ("rs", ImageSide.REVERSE))


@register_source(
    name=NAME,
    title="Münzkabinett Berlin",
    summary="Obverse and reverse as two photos of one coin, with the rights of each.",
    order=3,
    query_label="One narrow word to look for",
    query_hint="Iannaios",
    base_url=_BASE,
    hosts=("ikmk.smb.museum",),
    pause_s=1.0,
    other_sites=True,
)
class Ikmk(CollectionSource):
    """Coins of the Berlin cabinet, and of others on the same software."""

    def plan(self, query: str) -> tuple[str, ...]:
        """The requests of a run, in sentences."""
        return (
            f"open a session at {self.base} and search for {query!r}",
            f"read the record of each object found (at most {_MOST}), and its two "
            "photos",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The objects found, in the order of the list.

        Raises:
            PageChangedError: The list is of another search, or as long as the site
                allows, so that objects are missing.
        """
        self.client.get_text(f"{self.base}/home", {"lang": "en"}, keep_s=0)
        self.client.post_form(
            f"{self.base}/quick_search?lang=en",
            {"quick_search_value": query, "search_type": "quick_search"},
        )
        tray = self.client.get_text(
            f"{self.base}/tray",
            {"lang": "en", "view": "list", "range": str(_MOST)},
            keep_s=0,
        )
        for object_id in parse_tray(tray, query):
            listing = self.try_record(partial(self._read, object_id))
            if listing is not None:
                yield listing

    def _read(self, object_id: str) -> Listing:
        read = partial(parse_object, object_id=object_id, base=self.base)
        record = self.client.get_json(
            f"{self.base}/object",
            {"id": object_id, "download": "json_ext"},
            keep_s=_KEEP_S,
            check=read,
        )
        return read(record)


def parse_tray(text: str, query: str = "") -> tuple[str, ...]:
    """The object ids of a result list, each once.

    Raises:
        PageChangedError: The page is of another search, announces another number of
            objects, or ends at the limit of the site.
    """
    soup = read_html(text)
    field = soup.select_one("input[name='quick_search_value']")
    echoed = attribute(field, "value")
    if query and echoed and echoed.strip().casefold() != query.strip().casefold():
        raise PageChangedError(
            f"The cabinet answers another search where {query!r} was asked for; its "
            "session was lost."
        )
    links = (
        _ID.search(attribute(link, "href")) for link in soup.find_all("a", href=True)
    )
    ids = tuple(dict.fromkeys(found[1] for found in links if found))
    counted = soup.select_one(".result-count, .results-count, .tray-count")
    announced = read_number(plain_text(counted)) if counted else None
    if announced is not None and announced != len(ids):
        raise PageChangedError(
            f"The cabinet announces {announced} objects and lists {len(ids)}."
        )
    if len(ids) >= _MOST:
        raise PageChangedError(
            f"The search finds {_MOST} objects or more, and the site shows no more "
            "than that. Use a narrower word, such as a ruler's name."
        )
    return ids


def parse_object(record: Any, object_id: str, *, base: str = _BASE) -> Listing:
    """Read the JSON of an object.

    Raises:
        UnexpectedAnswerError: It is another object.
    """
    if not isinstance(record, dict):
        raise UnexpectedAnswerError(f"Object {object_id} is no JSON object.")
    stated = str(_dig(record, "ikmk_mds_id") or _dig(record, "id") or "")
    if stated and stated.rpartition("/")[2] != object_id:
        raise UnexpectedAnswerError(f"Object {object_id} answers as another one.")
    raw = _words(record, "image_right", "short") or _words(record, "image_right")
    people = record.get("linked_persons_corporations") or []
    names = [
        _words(person, key)
        for person in (people if isinstance(people, list) else [])
        for key in ("name_en", "name_de", "name")
        if isinstance(person, dict) and _words(person, key)
    ]
    sides = [
        f"{title}: {words}"
        for title, key in (("Obverse", "avers"), ("Reverse", "revers"))
        if (
            words := " ".join(
                filter(None, (_words(record, key, one) for one in _SIDE_WORDS))
            )
        )
    ]
    photographer = _words(record, "avers", "photographer", "photographer_name")
    title = _words(record, "title_en") or _words(record, "title") or ", ".join(names)
    literature = record.get("literatur") or ""
    works = literature if isinstance(literature, list) else [literature]
    host = host_of(base)
    berlin = host == host_of(_BASE)
    owner = "Münzkabinett, Staatliche Museen zu Berlin" if berlin else host
    return Listing(
        source=NAME,
        record_id=object_id,
        url=f"{base}/object?id={object_id}",
        title=title or f"Object {object_id}",
        text=". ".join([*dict.fromkeys(names), *sides]),
        images=tuple(
            ListingImage(url=f"{base}/image/{object_id}/{side}_org.jpg", side=shown)
            for side, shown in _SIDES
        ),
        licence=normalize_licence(raw),
        licence_raw=raw,
        credit=", ".join(filter(None, (owner, photographer))),
        date=" to ".join(
            str(year)
            for key in ("year_start", "year_end")
            if (year := record.get(key)) not in (None, "")
        ),
        denomination=_words(record, "nominal", "nominal_en")
        or _words(record, "nominal", "nominal_de")
        or None,
        weight_g=parse_size(_words(record, "weight")),
        diameter_mm=parse_size(_words(record, "diameter")),
        die_axis_h=parse_axis(
            _words(record, "stempelstellung") or _words(record, "die_axis")
        ),
        references=tuple(
            filter(None, (strip_markup(str(one)) for one in works if one))
        ),
    )


_SIDE_WORDS: Final = ("leg_text", "legend", "description_en", "text_en", "text_de")


def _dig(record: Any, *path: str) -> Any:
    for key in path:
        record = record.get(key) if isinstance(record, dict) else None
    return record


def _words(record: Any, *path: str) -> str:
    value = _dig(record, *path)
    return strip_markup(str(value)) if isinstance(value, str | int | float) else ""
