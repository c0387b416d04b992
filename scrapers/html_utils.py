"""What the parsers of result pages share: plain text, photos, links to lots."""

from __future__ import annotations

import copy
import re
from typing import Final
from urllib.parse import parse_qs, urljoin, urlsplit

from bs4 import BeautifulSoup, Tag

from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.errors import PageChangedError

_PLACEHOLDER: Final = re.compile(
    r"blank\.gif|spacer|placeholder|pixel\.|loading|/logo|icon", re.IGNORECASE
)
_SINGLE_FILE_IMAGE: Final = re.compile(r"var\((--sf-img-\d+)\)")
_DESCRIPTIONS: Final = (
    ".lot-description",
    ".description:not([id])",
    ".description",
    ".viewlottext",
)
"""What marks the description of a lot, from narrow to wide."""
_PAGE_WORDS: Final = ".share, .links, .estimate, nav, form, button, script, style"
_LOT_PHOTOS: Final = ".viewlotimg img, .viewlot img, .lot-image img, .lot-img img"
_LONG_ECHO: Final = 190  # characters; pages and parsers cut longer queries
_SMALL_DATA: Final = 200  # characters; a smaller inline GIF is a placeholder
NOT_STATED: Final = "not stated; the photo belongs to the auction house"


def read_html(text: str) -> BeautifulSoup:
    """Parse a page."""
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
    """An attribute as text; "" if it is missing."""
    value = element.get(name) if element is not None else None
    return value if isinstance(value, str) else ""


def photo_of(*elements: Tag | None) -> str:
    """The photo of the first img that has one, also while it loads lazily; or "".

    SingleFile keeps a photo as a data address, in the img or in a variable of a style.
    """
    for element in elements:
        for name in ("data-src", "data-original", "data-lazy", "src"):
            value = attribute(element, name)
            if value and not _is_placeholder(value):
                return value
        variable = _SINGLE_FILE_IMAGE.search(attribute(element, "style"))
        if element is not None and variable:
            value = _style_variable(element, variable[1])
            if value and not _is_placeholder(value):
                return value
    return ""


def _is_placeholder(address: str) -> bool:
    if address.startswith("data:"):
        small = address.startswith("data:image/gif") and len(address) < _SMALL_DATA
        return small or address.startswith("data:image/svg")
    return bool(_PLACEHOLDER.search(address))


def _style_variable(element: Tag, name: str) -> str:
    """The data address that a style of the page gives a variable, or ""."""
    *_, page = element.parents
    pattern = re.compile(rf"{name}\s*:\s*url\(\s*[\"']?(data:[^\"')]+)")
    for style in page.find_all("style"):
        if found := pattern.search(style.get_text()):
            return found[1]
    return ""


def description_of(box: Tag) -> str:
    """What the site marks as the description of a lot, without the page's words.

    "" if nothing is marked.
    """
    for selector in _DESCRIPTIONS:
        for element in box.select(selector):
            words = element
            if element.select_one(_PAGE_WORDS):
                words = copy.copy(element)
                for other in words.select(_PAGE_WORDS):
                    other.decompose()
            if text := plain_text(words):
                return text
    return ""


def meta(soup: BeautifulSoup, name: str) -> str:
    """The content of a meta element by its property or name."""
    found = soup.find("meta", property=name) or soup.find("meta", attrs={"name": name})
    return attribute(found if isinstance(found, Tag) else None, "content").strip()


def read_number(text: str) -> int | None:
    """A count with any thousands separator: 13'521, 13,521 or 13.521."""
    digits = re.sub(r"(?<=\d)['’.,\s](?=\d{3}\b)", "", text)
    found = re.search(r"\d+", digits)
    return int(found[0]) if found else None


def check_echo(site: str, url: str, parameter: str, echoed: str) -> None:
    """Compare the query that a page repeats with that in its address.

    Args:
        site: The site, for the message.
        url: Address of the page, if known.
        parameter: The parameter of the address with the query.
        echoed: The words that the page repeats, maybe with others after them.

    Raises:
        PageChangedError: The page answers another query.
    """
    query = parse_qs(urlsplit(url).query).get(parameter, [""])[0]
    if not echoed or echoed.endswith(("…", "...")) or len(echoed) >= _LONG_ECHO:
        return
    if not _words(query) <= _words(echoed):
        raise PageChangedError(
            f"{site} answers {echoed[:80]!r} where {query!r} was asked for. Nothing "
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
    date: str = "",
) -> Listing:
    """A lot of an auction: one photo of both sides, the rights with the house."""
    image = ListingImage(url=urljoin(url, photo), side=ImageSide.BOTH)
    return Listing(
        source=source,
        record_id=record_id,
        url=url,
        title=title,
        text=text,
        images=(image,) if photo else (),
        licence_raw=NOT_STATED,
        credit=title,
        date=date,
    )


def lots_by_link(
    soup: BeautifulSoup, base: str, source: str, link: re.Pattern[str]
) -> tuple[Listing, ...]:
    """The lots of a list that marks them only by links.

    A lot is the largest element around its link without a link to another lot.

    Args:
        soup: The page.
        base: Its address.
        source: Name of the source.
        link: Matches the address of a lot; its groups identify the lot.
    """
    lots: dict[tuple[str, ...], Listing] = {}
    for anchor in soup.find_all("a", href=True):
        found = link.search(attribute(anchor, "href"))
        if found is None or found.groups() in lots:
            continue
        key = found.groups()
        box = _box_of(anchor, link, key)
        text = description_of(box) or plain_text(box)
        headline = box.find(["h1", "h2", "h3", "h4", "b", "strong"])
        lots[key] = make_lot(
            source,
            "-".join(key),
            url=urljoin(base, attribute(anchor, "href")),
            title=plain_text(headline) if isinstance(headline, Tag) else text[:120],
            text=text,
            photo=photo_of(*box.find_all("img")),
        )
    return tuple(lot for lot in lots.values() if lot.text)


def _box_of(anchor: Tag, link: re.Pattern[str], key: tuple[str, ...]) -> Tag:
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
    title = meta(soup, "og:title") or plain_text(soup.select_one("h1, h2"))
    # the description of the whole auction only if there is no other
    text = (
        description_of(soup)
        or meta(soup, "og:description")
        or plain_text(soup.select_one(".catalog-description"))
    )
    if not title and not text:
        raise PageChangedError(
            f"{url or source} shows one lot, but no description was found in it. The "
            "page was saved before it had loaded, or the site has changed."
        )
    title = title or plain_text(soup.title)
    # the page's own img is what a browser saves, og:image often is not
    photo = (
        photo_of(*soup.select(_LOT_PHOTOS))
        or meta(soup, "og:image")
        or photo_of(*soup.find_all("img"))
    )
    return make_lot(source, record_id, url=url, title=title, text=text, photo=photo)
