"""What the parsers of result pages share: plain text, photos, links to lots."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.errors import PageChangedError

_PLACEHOLDER: Final = re.compile(
    r"blank\.gif|spacer|placeholder|pixel\.|loading|/logo|icon", re.IGNORECASE
)
_LONG_ECHO: Final = 190  # characters; pages and parsers cut what is longer
NOT_STATED: Final = "not stated; the photo belongs to the auction house"


def read_html(text: str) -> BeautifulSoup:
    """A page as a tree."""
    return BeautifulSoup(text, "html.parser")


def plain_text(element: Tag | None) -> str:
    """The text of an element in one line."""
    if element is None:
        return ""
    return re.sub(r"\s+", " ", element.get_text(" ")).strip()


def strip_markup(text: str) -> str:
    """The text of a piece of HTML in one line."""
    return plain_text(read_html(text)) if "<" in text or "&" in text else text.strip()


def attribute(element: Tag | None, name: str) -> str:
    """An attribute as text; "" where it is missing."""
    value = element.get(name) if element is not None else None
    return value if isinstance(value, str) else ""


def photo_of(element: Tag | None) -> str:
    """The photo that an img stands for, also while it is loaded lazily; or ""."""
    for name in ("data-src", "data-original", "data-lazy", "src"):
        value = attribute(element, name)
        if value and not _PLACEHOLDER.search(value):
            return value
    return ""


def meta(soup: BeautifulSoup, name: str) -> str:
    """The content of a meta element by its property or name."""
    found = soup.find("meta", attrs={"property": name}) or soup.find(
        "meta", attrs={"name": name}
    )
    return attribute(found if isinstance(found, Tag) else None, "content").strip()


def read_number(text: str) -> int | None:
    """A count however its thousands are set apart: 13'521, 13,521 or 13.521."""
    digits = re.sub(r"(?<=\d)['’.,\s](?=\d{3}\b)", "", text)
    found = re.search(r"\d+", digits)
    return int(found[0]) if found else None


def check_echo(site: str, url: str, parameter: str, echoed: str) -> None:
    """Compare what a page says was asked for with what its address asks for.

    Args:
        site: The site, for the message.
        url: Address of the page, if known.
        parameter: Where the words stand in the address.
        echoed: The words that the page repeats, maybe with others after them.

    Raises:
        PageChangedError: It answers another question.
    """
    asked = parse_qs(urlsplit(url).query).get(parameter, [""])[0]
    if not echoed or echoed.endswith(("…", "...")) or len(echoed) >= _LONG_ECHO:
        return
    if not _words(asked) <= _words(echoed):
        raise PageChangedError(
            f"{site} answers {echoed[:80]!r} where {asked!r} was asked for. Nothing "
            "was taken, since these may be other coins. Ask again, and save that page."
        )


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def make_lot(
    source: str,
    record_id: str,
    *,
    url: str,
    title: str,
    text: str,
    photo: str,
    **more: str,
) -> Listing:
    """A lot of an auction: one photo with both sides, rights with the house."""
    image = ListingImage(url=urljoin(url, photo), side=ImageSide.BOTH)
    return Listing(
        source=source,
        record_id=record_id,
        url=url,
        title=title,
        text=text,
        images=(image,) if photo else (),
        licence_raw=NOT_STATED,
        credit=more.get("credit", title),
        date=more.get("date", ""),
    )


def lots_by_link(
    soup: BeautifulSoup, base: str, source: str, link: re.Pattern[str]
) -> tuple[Listing, ...]:
    """The lots of a list in which each is known by its links alone.

    What belongs to a lot is the largest element around its link that holds no link to
    another lot.

    Args:
        soup: The page.
        base: Its address.
        source: Name of the source.
        link: Matches the address of a lot; its groups identify the lot.
    """
    boxes: dict[tuple[str, ...], Tag] = {}
    links: dict[tuple[str, ...], str] = {}
    for anchor in soup.find_all("a", href=True):
        found = link.search(attribute(anchor, "href"))
        if found is None or found.groups() in boxes:
            continue
        key = found.groups()
        links[key] = urljoin(base, attribute(anchor, "href"))
        boxes[key] = _around(anchor, link, key)
    lots = []
    for key, box in boxes.items():
        photo = next(filter(None, map(photo_of, box.find_all("img"))), "")
        text = plain_text(box)
        headline = box.find(["h1", "h2", "h3", "h4", "b", "strong"])
        title = plain_text(headline) if isinstance(headline, Tag) else text[:120]
        if text:
            lots.append(
                make_lot(
                    source,
                    "-".join(key),
                    url=links[key],
                    title=title,
                    text=text,
                    photo=photo,
                )
            )
    return tuple(lots)


def _around(anchor: Tag, link: re.Pattern[str], key: tuple[str, ...]) -> Tag:
    box = anchor
    while box.parent is not None and box.parent.name not in ("body", "[document]"):
        others = (
            link.search(attribute(other, "href"))
            for other in box.parent.descendants
            if isinstance(other, Tag) and other.name == "a"
        )
        if any(found and found.groups() != key for found in others):
            break
        box = box.parent
    return box


def single_lot(soup: BeautifulSoup, source: str, record_id: str, url: str) -> Listing:
    """The lot of a page that shows one lot.

    Raises:
        PageChangedError: There is no description.
    """
    heading = soup.find(["h1", "h2"])
    title = meta(soup, "og:title") or plain_text(
        heading if isinstance(heading, Tag) else None
    )
    described = soup.select_one(".lot-description, .viewlottext, .description")
    # what is said of the whole auction counts only where nothing else is said
    text = (
        plain_text(described)
        or meta(soup, "og:description")
        or plain_text(soup.select_one(".catalog-description"))
    )
    if not title and not text:
        raise PageChangedError(
            f"{url or source} shows one lot, but no description was found in it. The "
            "page was saved before it had loaded, or the site has changed."
        )
    photos = [meta(soup, "og:image"), *map(photo_of, soup.find_all("img"))]
    return make_lot(
        source,
        record_id,
        url=url,
        title=title,
        text=text,
        photo=next(filter(None, photos), ""),
    )
