"""Result pages of acsearch.info.

Its terms forbid automated retrieval, so only saved pages are read, unless the user has
permission (see `browser`).
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from typing import Any, Final

from bs4 import BeautifulSoup

from scrapers.base import Listing, ResultPage
from scrapers.errors import PageChangedError
from scrapers.html_utils import (
    attribute,
    check_echo,
    make_lot,
    photo_of,
    plain_text,
    read_html,
    read_number,
    strip_markup,
)
from scrapers.registry import register_page_parser
from scrapers.url_safety import join_address

NAME: Final = "acsearch"
HOST: Final = "www.acsearch.info"
_SEARCH: Final = f"https://{HOST}/search.html"
_START: Final = re.compile(r"acsearch\.initSearchResults\s*=\s*")
_HEADING: Final = re.compile(
    r"Results?\s+(\d[\d'’.,]*)\s*[-–]\s*(\d[\d'’.,]*)\s+of\s+(\d[\d'’.,]*)"
    r"(?:\s+for\s+(.{1,200}))?"
)


@register_page_parser(
    name=NAME, order=1, hosts=("acsearch.info",), marks=("acsearch.initSearchResults",)
)
def parse_page(text: str, url: str = "") -> ResultPage:
    """Read the lots of a result page, from its script and its visible list.

    A page that was scrolled shows more lots than its script has. The text of the
    script is preferred, since matches of the search are not marked in it.

    Raises:
        PageChangedError: There are no lots, fewer than announced, or those of
            another query.
    """
    soup = read_html(text)
    scripted = _from_script(text, url or _SEARCH)
    shown = _from_list(soup, url or _SEARCH)
    lots = {lot.record_id: lot for lot in shown}
    for lot in scripted:
        visible = lots.get(lot.record_id)
        images = visible.images if visible and visible.images else lot.images
        lots[lot.record_id] = replace(lot, images=images)
    # the heading counts lots, of which one may be listed twice
    rows = max(len(scripted), len(shown))
    announced, query = _check_heading(soup, rows)
    check_echo("acsearch", url, "term", query)
    return ResultPage(listings=tuple(lots.values()), announced=announced, query=query)


def _check_heading(soup: BeautifulSoup, rows: int) -> tuple[int | None, str]:
    heading = _HEADING.search(html.unescape(plain_text(soup)))
    if heading is None:
        if rows:
            return None, ""
        raise PageChangedError(
            "No lots were found in this acsearch page. It was saved before it had "
            "loaded, nothing matched, or the site has changed."
        )
    first, last, total = (read_number(heading[n]) or 0 for n in (1, 2, 3))
    if rows < last - first + 1:
        raise PageChangedError(
            f"The acsearch page announces lots {first} to {last} and holds {rows}. "
            "Save it again when it has loaded; if that does not help, the site has "
            "changed."
        )
    query = re.split(r"[\"”]? {2,}|Sort|Sorted", heading[4] or "")[0]
    return total, query.strip(" \"'“”")


def _from_script(text: str, base: str) -> tuple[Listing, ...]:
    start = _START.search(text)
    if start is None:
        return ()
    try:
        # a description may hold "];", so the end is where the JSON ends
        items, _ = json.JSONDecoder().raw_decode(text, start.end())
    except (ValueError, RecursionError) as error:
        raise PageChangedError(
            "The results in the script of this acsearch page are damaged."
        ) from error
    if not isinstance(items, list):
        raise PageChangedError("The results of this acsearch page are no list.")
    return tuple(_from_item(item, base) for item in items if isinstance(item, dict))


def _from_item(item: dict[str, Any], base: str) -> Listing:
    record_id = str(item.get("id") or "")
    if not record_id.isdigit():
        raise PageChangedError("An acsearch lot has no number.")
    image = str(item.get("image") or "")
    return make_lot(
        NAME,
        record_id,
        url=f"{_SEARCH}?id={record_id}",
        title=strip_markup(str(item.get("title") or "")),
        text=strip_markup(str(item.get("description") or "")),
        photo=_joined(base, "" if "blank.gif" in image else image),
        date=str(item.get("date") or ""),
    )


def _from_list(soup: BeautifulSoup, base: str) -> tuple[Listing, ...]:
    return tuple(
        make_lot(
            NAME,
            attribute(lot, "data-id"),
            url=f"{_SEARCH}?id={attribute(lot, 'data-id')}",
            title=plain_text(lot.select_one(".lot-desc b")),
            text=plain_text(lot.select_one(".lot-desc span")),
            photo=_joined(base, photo_of(lot.select_one(".lot-img img"))),
            date=plain_text(lot.select_one(".lot-date span")),
        )
        for lot in soup.select("div.auction-lot[data-id]")
        if attribute(lot, "data-id").isdigit()
    )


def _joined(base: str, photo: str) -> str:
    return join_address(base, photo) if photo else ""
