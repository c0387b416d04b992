"""What the parsers of result pages share: plain text, photos, links to lots."""

from __future__ import annotations

import copy
import functools
import re
from html.parser import HTMLParser
from typing import Any, Final

from bs4 import BeautifulSoup, Tag
from bs4.exceptions import ParserRejectedMarkup

from scrapers.base import ImageSide, Listing, ListingImage
from scrapers.errors import PageChangedError, UnexpectedAnswerError
from scrapers.url_safety import join_address, query_of

PAGE_BYTES: Final = 20 << 20
"""The longest page, without the photos in it."""
MOST_TAGS: Final = 200_000
MOST_DEPTH: Final = 1_000
"""Of tags in each other; each row of a table is searched through all rows in it."""
MOST_LOTS: Final = 20_000
MOST_ATTRIBUTES: Final = 1_000_000
_LONGEST_TAG: Final = 100_000
_USUAL_TAG: Final = 2_000
_MOST_MARKS: Final = 1_000_000
"""Of the beginnings of tags, comments and references."""
_MOST_WORK: Final = 200_000_000
_TAG_WORK: Final = 40
_LONG_LINK: Final = 2000  # characters; what reads links takes long for longer ones
_PLACEHOLDER: Final = re.compile(
    r"blank\.gif|spacer|placeholder|pixel\.|loading|/logo|icon", re.IGNORECASE
)
_SINGLE_FILE_IMAGE: Final = re.compile(r"var\((--sf-img-\d+)\)")
_STYLE_VARIABLE: Final = re.compile(
    r"(--sf-img-\d+)\s*+:\s*+url\(\s*+[\"']?(data:[^\"')]+)"
)
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


_ROWS: Final = ("tbody", "thead", "tfoot")
_ENDED: Final = {
    "li": (("li",), ("ul", "ol", "menu", "table")),
    **dict.fromkeys(("dt", "dd"), (("dt", "dd"), ("dl", "table"))),
    **dict.fromkeys(("td", "th"), (("td", "th"), ("tr", "table"))),
    "tr": (("tr",), (*_ROWS, "table")),
    **dict.fromkeys(_ROWS, (_ROWS, ("table",))),
}
"""What a tag ends that has no end tag of its own, and within what."""


class _Scan(HTMLParser):
    """Reads a page as its parser does, and refuses what would take that long.

    The parser looks to the end of the page for the end of each tag that has none.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self._tags = self._attributes = 0
        self.feed(text)
        # the tail is a tag or comment without an end, or a script without one
        if len(self.rawdata) > _USUAL_TAG and (
            self.cdata_elem is None or "</" in self.rawdata
        ):
            raise UnexpectedAnswerError(
                "The page has a tag or comment without an end. Save it again."
            )

    def parse_starttag(self, i: int) -> int:
        """Count a tag and parse it."""
        self._tags += 1
        if (
            self._tags > MOST_TAGS
            or self._attributes > MOST_ATTRIBUTES
            or self._is_long_tag(i)
        ):
            raise UnexpectedAnswerError(
                f"The page has more than {MOST_TAGS:,} tags, or very long ones."
            )
        return super().parse_starttag(i)

    def _is_long_tag(self, i: int) -> bool:
        """Whether a tag goes on for long; the parser takes much memory to find out."""
        whole = self.rawdata
        try:
            for length in (_USUAL_TAG, _LONGEST_TAG):
                self.rawdata = whole[i : i + length]
                if 0 <= self.check_for_whole_start_tag(0) < length:
                    return False
        finally:
            self.rawdata = whole
        return len(whole) - i > _LONGEST_TAG

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count the attributes of a tag."""
        self._attributes += len(attrs)


class Page(BeautifulSoup):
    """A parsed page; one that is nested so deeply that it takes long is refused.

    What reads a page takes as long as its texts and tags are, times their depth.
    """

    def __init__(self, text: str) -> None:
        self._work = 0
        super().__init__(text, "html.parser")

    def handle_starttag(self, name: str, *args: Any, **options: Any) -> Tag | None:
        """End the items, cells and rows that HTML lets end at the next one."""
        ended, within = _ENDED.get(name, ((), ()))
        for tag in reversed(self.tagStack):
            if tag.name in within or not ended:
                break
            if tag.name in ended:
                self.endData()
                while self.popTag() is not tag.parent:
                    pass
                break
        return super().handle_starttag(name, *args, **options)

    def pushTag(self, tag: Tag) -> None:  # noqa: N802 - BeautifulSoup's name
        """Count a tag and enter it."""
        super().pushTag(tag)
        if len(self.tagStack) > MOST_DEPTH:
            raise UnexpectedAnswerError("The page is nested too deeply.")
        self._add_work(_TAG_WORK)

    def handle_data(self, data: str) -> None:
        """Count a text and add it."""
        self._add_work(len(data))
        super().handle_data(data)

    def _add_work(self, size: int) -> None:
        self._work += size * len(self.tagStack)
        if self._work > _MOST_WORK:
            raise UnexpectedAnswerError("The page is nested too deeply.")

    @functools.cached_property
    def style_variables(self) -> dict[str, str]:
        """The data addresses that SingleFile keeps in variables of a style."""
        found: dict[str, str] = {}
        for style in self.find_all("style"):
            for name, address in _STYLE_VARIABLE.findall(style.get_text()):
                found.setdefault(name, address)
        return found


def read_html(text: str) -> Page:
    """Parse a page.

    Raises:
        UnexpectedAnswerError: It is too large, too deeply nested, or damaged.
    """
    if len(text) > PAGE_BYTES:
        raise UnexpectedAnswerError(
            f"The page has more than {PAGE_BYTES >> 20} MB without its photos."
        )
    if text.count("<") + text.count("&") > _MOST_MARKS:
        raise UnexpectedAnswerError(f"The page has more than {_MOST_MARKS:,} tags.")
    try:
        _Scan(text)
        return Page(text)
    except UnexpectedAnswerError:
        raise
    # such as "<![x" and "&#9…9;"
    except (ParserRejectedMarkup, AssertionError, ValueError) as error:
        raise UnexpectedAnswerError("The page is damaged HTML.") from error


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
    return page.style_variables.get(name, "") if isinstance(page, Page) else ""


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
    found = re.search(r"\d{1,15}", digits)
    return int(found[0]) if found else None


def check_echo(site: str, url: str, parameter: str, echoed: str) -> None:
    """Compare the query that a page repeats with that in its address.

    Raises:
        PageChangedError: The page answers another query.
    """
    query = query_of(url, parameter)
    if not echoed or echoed.endswith(("…", "...")) or len(echoed) >= _LONG_ECHO:
        return
    if not _words(query) <= _words(echoed):
        raise PageChangedError(
            f"{site} answers another query where {query[:80]!r} was asked for. Nothing "
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
    image = ListingImage(url=join_address(url, photo), side=ImageSide.BOTH)
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
        found = link.search(_link_of(anchor))
        if found is None or found.groups() in lots:
            continue
        if len(lots) >= MOST_LOTS:
            raise UnexpectedAnswerError(f"The page has more than {MOST_LOTS:,} lots.")
        key = found.groups()
        box = _box_of(anchor, link, key)
        text = description_of(box) or plain_text(box)
        headline = box.find(["h1", "h2", "h3", "h4", "b", "strong"])
        lots[key] = make_lot(
            source,
            "-".join(key),
            url=join_address(base, _link_of(anchor)),
            title=plain_text(headline) if isinstance(headline, Tag) else text[:120],
            text=text,
            photo=photo_of(*box.find_all("img")),
        )
    return tuple(lot for lot in lots.values() if lot.text)


def _link_of(anchor: Tag) -> str:
    return attribute(anchor, "href")[:_LONG_LINK]


def _box_of(anchor: Tag, link: re.Pattern[str], key: tuple[str, ...]) -> Tag:
    box = anchor
    while box.parent is not None and box.parent.name not in ("body", "[document]"):
        others = (
            link.search(_link_of(other))
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
