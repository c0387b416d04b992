"""MANTIS of the American Numismatic Society: a feed, NUDS records, photos by side."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import partial
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree

from coin_core.catalog.licences import normalize_licence
from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.collection_source import CollectionSource
from scrapers.errors import PageChangedError, UnexpectedAnswerError
from scrapers.html_utils import MOST_TAGS
from scrapers.http_response import XML_TYPES
from scrapers.measures import parse_axis, parse_size
from scrapers.registry import register_source
from scrapers.url_safety import join_address, origin_of

NAME: Final = "ans"
PER_PAGE: Final = 100
_KEEP_S: Final = 30 * 86_400.0
_NS: Final = {
    "n": "http://nomisma.org/nuds",
    "mets": "http://www.loc.gov/METS/",
    "os": "http://a9.com/-/spec/opensearch/1.1/",
}
_HREF: Final = "{http://www.w3.org/1999/xlink}href"
_ROLE: Final = "{http://www.w3.org/1999/xlink}role"
_PERMISSIONS: Final = "http://numismatics.org/collections/photography-permissions/"
_OLD_RIGHTS: Final = "objects made in or before 1925 are Public Domain Mark"
_ENTITY: Final = re.compile(rb"&(?!amp;|lt;|gt;|quot;|apos;|#)([A-Za-z]+);")
_MEASURES: Final = ".//n:physDesc/n:measurementsSet"
# a host without a scheme before it, such as "images.example.org/iiif/1.jpg"
_HOST_FIRST: Final = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}/", re.IGNORECASE)
_SIZES: Final = ("archive", "iiif", "reference")


@register_source(
    name=NAME,
    title="American Numismatic Society",
    summary="Obverse and reverse as two photos of one coin, mostly public domain.",
    order=2,
    query_hint='authority_facet:"Alexander Jannaeus"',
    base_url="https://numismatics.org",
    hosts=("numismatics.org", "images.numismatics.org"),
    pause_s=1.0,
)
class Ans(CollectionSource):
    """Coins of the ANS that have photos."""

    def plan(self, query: str) -> tuple[str, ...]:
        """The requests of a run, in sentences."""
        return (
            f"ask {self.base}/search/apis/search for {_lucene(query)}, {PER_PAGE} at "
            "a time",
            "read the record of each object, and its photos of obverse and reverse",
        )

    def find(self, query: str) -> Iterator[Listing]:
        """The objects of all pages of the feed.

        Raises:
            PageChangedError: The feed ends before the number it announces, or repeats
                a page.
        """
        start, total, listed = 0, 1, set[str]()
        while start < total:
            read = partial(_read_feed, start=start, listed=listed)
            feed = self.client.get_text(
                f"{self.base}/search/apis/search",
                {"q": _lucene(query), "format": "rss", "start": str(start)},
                types=XML_TYPES,
                check=read,
            )
            fresh, total = read(feed)
            for object_id in fresh:
                listed.add(object_id)
                listing = self.try_record(partial(self._read, object_id))
                if listing is not None:
                    yield listing
            start += PER_PAGE

    def _read(self, object_id: str) -> Listing:
        record = self._get(f"{self.base}/search/id/{quote(object_id)}.xml")
        return parse_record(record, base=self.base, coin_type=self._type(record))

    def _type(self, record: str) -> str | None:
        """The record of the coin's type, if it has the description."""
        address = type_address(record)
        if origin_of(address) not in self.client.origins:
            return None
        return self._get(address)

    def _get(self, address: str) -> str:
        """The NUDS record of an object or a type."""
        return self.client.get_text(
            address, types=XML_TYPES, keep_s=_KEEP_S, check=parse_record
        )


def _lucene(query: str) -> str:
    return f"({query}) AND imagesavailable:true"


def _read_feed(
    text: str, *, start: int, listed: Collection[str]
) -> tuple[tuple[str, ...], int]:
    """The ids of a page that are not among those listed, and how many there are."""
    ids, total = parse_feed(text)
    # the link to the next page is unreliable, the count is not
    if len(ids) != min(PER_PAGE, total - start):
        raise PageChangedError(
            f"The ANS announces {total} objects and lists {len(ids)} from "
            f"number {start} on. The feed has changed, or is changing."
        )
    fresh = tuple(one for one in dict.fromkeys(ids) if one not in listed)
    if ids and not fresh:
        raise PageChangedError("The ANS answers the same objects again.")
    return fresh, total


def parse_feed(text: str) -> tuple[tuple[str, ...], int]:
    """The object ids of a page of the RSS feed, and how many there are in all.

    Raises:
        UnexpectedAnswerError: It is not XML.
        PageChangedError: It is not this feed.
    """
    root = _parse(text, "the feed of the ANS")
    count = root.findtext(".//os:totalResults", namespaces=_NS)
    if count is None or not re.fullmatch(r"\s*[0-9]{1,9}\s*", count):
        raise PageChangedError("The feed of the ANS does not say how many it finds.")
    links = [item.findtext("link") or "" for item in root.iter("item")]
    ids = [link.rstrip("/").rpartition("/")[2] for link in links]
    if not all(ids):
        raise PageChangedError("An item of the ANS feed has no link to its object.")
    return tuple(ids), int(count)


def type_address(text: str) -> str:
    """The type record with the description, or "" if the record has its own."""
    root = _parse(text, "a record of the ANS")
    if root.find(".//n:typeDesc/*", _NS) is not None:
        return ""
    for reference in root.iterfind(".//n:refDesc/n:reference", _NS):
        if reference.get(_HREF):
            return f"{reference.get(_HREF)}.xml"
    return ""


def parse_record(
    text: str,
    *,
    base: str = "https://numismatics.org",
    coin_type: str | None = None,
) -> Listing:
    """Read a NUDS record.

    Args:
        text: The XML.
        base: The site, for photos with a relative address.
        coin_type: The NUDS record of its type, if that has the description.

    Raises:
        UnexpectedAnswerError: It is not a NUDS record.
    """
    root = _parse(text, "a record of the ANS")
    object_id = (root.findtext(".//n:recordId", namespaces=_NS) or "").strip()
    if not object_id:
        raise UnexpectedAnswerError("A record of the ANS has no recordId.")
    described = _parse(coin_type, "a type of the ANS") if coin_type else None
    if described is not None:
        root.extend(described.findall(".//n:typeDesc", _NS))
    title = _text(root, ".//n:descMeta/n:title")
    people = [
        _all_text(person)
        for person in root.iterfind(".//n:typeDesc/n:authority/*", _NS)
    ]
    sides = [
        f"{side.title()}: {words}"
        for side in ("obverse", "reverse")
        if (words := " ".join(_side_words(root, side)))
    ]
    licences = root.findall(".//n:rightsStmt/n:license", _NS)
    licence_of = next((one for one in licences if one.get("for") == "images"), None)
    if licence_of is None:  # one that is for nothing in particular is for the photos
        licence_of = next((one for one in licences if one.get("for") is None), None)
    page = licence_of.get(_HREF, "") if licence_of is not None else ""
    stated = _all_text(licence_of) if licence_of is not None else ""
    if not page and not stated and _is_old(root):
        page, stated = "https://creativecommons.org/publicdomain/mark/1.0/", _OLD_RIGHTS
    return Listing(
        source=NAME,
        record_id=object_id,
        url=f"https://numismatics.org/collection/{object_id}",
        title=title,
        text=". ".join(filter(None, [", ".join(people), _mint(root), *sides])),
        images=_photos(root, base),
        licence=normalize_licence(stated, page),
        licence_raw=stated or page or f"see {_PERMISSIONS}",
        credit=f"American Numismatic Society, {object_id}",
        date=_date(root),
        denomination=_text(root, ".//n:typeDesc/n:denomination") or None,
        weight_g=parse_size(_text(root, f"{_MEASURES}/n:weight")),
        diameter_mm=parse_size(_text(root, f"{_MEASURES}/n:diameter")),
        die_axis_h=parse_axis(_text(root, ".//n:physDesc/n:axis")),
        references=tuple(
            filter(
                None,
                (_spaced_text(one) for one in root.iterfind(".//n:reference", _NS)),
            )
        ),
    )


def _parse(text: str, what: str) -> ElementTree.Element:
    """Parse XML without a document type; named entities of HTML become spaces.

    Ids that XML forbids do no harm, as nothing is validated. Without a document type
    there are no entities that grow or lead to files.
    """
    if text.count("<") > MOST_TAGS:
        raise UnexpectedAnswerError(f"{what} has more than {MOST_TAGS:,} parts.")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnexpectedAnswerError(f"{what} is a page and not the XML expected.")
    data = _ENTITY.sub(b" ", text.strip().encode())
    data = re.sub(rb"^<\?xml[^>]*\?>", b"", data)
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise UnexpectedAnswerError(f"{what} is damaged XML.") from error


def _all_text(element: ElementTree.Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _spaced_text(element: ElementTree.Element) -> str:
    """The text with a space between elements: a compact record has none."""
    return re.sub(r"\s+", " ", " ".join(element.itertext())).strip()


def _date(root: ElementTree.Element) -> str:
    """The date, or the years of a range, such as "103 BC - 76 BC"."""
    years = (_text(root, f".//n:dateRange/n:{end}Date") for end in ("from", "to"))
    return _text(root, ".//n:typeDesc/n:date") or " - ".join(filter(None, years))


def _text(root: ElementTree.Element, path: str) -> str:
    found = root.find(path, _NS)
    return _all_text(found) if found is not None else ""


def _side_words(root: ElementTree.Element, side: str) -> Iterator[str]:
    for path in ("n:legend", "n:type/n:description"):
        words = _text(root, f".//n:typeDesc/n:{side}/{path}")
        if words:
            yield words


def _mint(root: ElementTree.Element) -> str:
    for place in root.iterfind(".//n:typeDesc/n:geographic/n:geogname", _NS):
        if place.get(_ROLE) == "mint":
            return _all_text(place)
    return ""


def _is_old(root: ElementTree.Element) -> bool:
    """Whether the object was made before 1926, by its latest stated year."""
    years = []
    for place in root.iterfind(".//n:typeDesc//*[@standardDate]", _NS):
        found = re.match(r"-?\d{1,6}", place.get("standardDate", ""))
        if found:
            years.append(int(found[0]))
    return bool(years) and max(years) <= 1925


def _photos(root: ElementTree.Element, base: str) -> tuple[ListingImage, ...]:
    """The largest photo of each side."""
    photos = []
    for side in (ImageSide.OBVERSE, ImageSide.REVERSE):
        group = root.find(f".//mets:fileGrp[@USE='{side}']", _NS)
        if group is None:
            continue
        links = {
            file.get("USE", ""): place.get(_HREF, "")
            for file in group.iterfind("mets:file", _NS)
            if (place := file.find("mets:FLocat", _NS)) is not None
        }
        size = next((size for size in _SIZES if links.get(size)), None)
        if size is None:
            continue
        address = links[size]
        if _HOST_FIRST.match(address):
            address = f"//{address}"
        address = join_address(f"{base}/", address)
        if size == "iiif":
            address = f"{address.rstrip('/')}/full/!1600,1600/0/default.jpg"
        if base.startswith("https:"):
            address = re.sub(r"^http:", "https:", address)
        photos.append(ListingImage(url=address, side=side))
    return tuple(photos)
