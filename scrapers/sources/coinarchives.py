"""Result pages of CoinArchives, free and Pro."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from bs4 import BeautifulSoup, Tag

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
)
from scrapers.registry import register_page_parser
from scrapers.url_safety import host_of, join_address, path_of, query_of

NAME: Final = "coinarchives"
_FREE_ROWS: Final = 100
_PRO_ROWS: Final = (100, 200, 400, 800, 1600)
_BASE: Final = "https://www.coinarchives.com/a/results.php"
_HEADER: Final = re.compile(
    r"search for\s+['\"“‘](.*)['\"”’]\s+matched\s+(\d[\d,.']{0,15}|no)\s+"
    r"lots?(.*)",
    re.IGNORECASE,
)
_LOT_PAGE: Final = re.compile(r"<title>[^<]{0,60}Lot Viewer", re.IGNORECASE)
_DESCRIPTION: Final = re.compile(r"\s*Lot description:?\s*", re.IGNORECASE)
_SALE_DAY: Final = re.compile(r"Auction date:\s*(\d{1,2} [A-Z][a-z]{2,8} \d{4})")


@register_page_parser(
    name=NAME, order=2, hosts=("coinarchives.com",), marks=("auctiontitle",)
)
def parse_page(text: str, url: str = "") -> ResultPage:
    """Read the rows of a result page, or the lot of a page that shows one.

    Raises:
        PageChangedError: It shows "closest matches", which are other coins, is of
            another query, or has not as many rows as it announces.
    """
    soup = read_html(text)
    if "lotviewer.php" in path_of(url) or _LOT_PAGE.search(text[:8000]):
        return ResultPage(listings=(_read_lot(soup, url),), announced=1)
    header = _HEADER.search(plain_text(soup.select_one(".resultsinfo"))[:2000])
    if re.search(r"closest matches", plain_text(soup), re.IGNORECASE):
        raise PageChangedError(
            "CoinArchives found nothing and shows its closest matches, which are other "
            "coins. Nothing was taken."
        )
    rows = [row for row in soup.select("table.results tr[id]") if _number(row)]
    if header is None:
        raise PageChangedError(
            "This CoinArchives page has no header that says how many lots matched. It "
            "is no result page, or the site has changed."
        )
    check_echo("CoinArchives", url, "search", header[1])
    announced = read_number(header[2]) or 0
    free = "six months" in header[3] or "pro." not in host_of(url)
    full = (_FREE_ROWS,) if free else _PRO_ROWS
    if len(rows) != announced and not (len(rows) < announced and len(rows) in full):
        raise PageChangedError(
            f"CoinArchives announces {announced} lots and the page holds {len(rows)} "
            "rows. Save it again when it has loaded; if that does not help, the site "
            "has changed."
        )
    lots: dict[str, Listing] = {}
    for row in rows:
        lot = _read_row(row, url or _BASE)
        same = lots.get(lot.record_id)
        if same is not None and same.text != lot.text:
            # one LotID with two texts: both are kept, under different ids
            digest = hashlib.sha256(lot.text.encode()).hexdigest()[:8]
            lot = _read_row(row, url or _BASE, f"-{digest}")
        lots.setdefault(lot.record_id, lot)
    return ResultPage(
        listings=tuple(lots.values()), announced=announced, query=header[1].strip()
    )


def _read_lot(soup: BeautifulSoup, url: str) -> Listing:
    """The lot of a page that shows one; its text follows "Lot description"."""
    heading = soup.find(string=_DESCRIPTION)
    cell = heading.find_parent(["td", "div", "p", "body"]) if heading else None
    text = _DESCRIPTION.sub("", plain_text(cell), count=1).strip()
    if not isinstance(cell, Tag) or not text:
        raise PageChangedError(
            "This CoinArchives page shows one lot, but no description was found in it. "
            "The page was saved before it had loaded, or the site has changed."
        )
    words = plain_text(soup).partition("Lot description")[0]
    house = next((plain_text(one) for one in soup.find_all("td") if one != cell), "")
    date = _SALE_DAY.search(words)
    number = re.search(r"Lot number:\s*(\S{1,12})", words)
    lot_id = query_of(url, "LotID")
    return make_lot(
        NAME,
        lot_id or hashlib.sha256(text.encode()).hexdigest()[:12],
        url=url or _BASE,
        title=f"{house[:200]}, lot {number[1]}" if number else house[:200],
        text=text,
        photo=photo_of(*cell.find_all_next("img"), *soup.find_all("img")),
        date=date[1] if date else "",
    )


def _number(row: Tag) -> str:
    value = attribute(row, "id")
    return value if value.isdigit() else ""


def _read_row(row: Tag, base: str, suffix: str = "") -> Listing:
    link = row.select_one("a[href*='lotviewer.php']")
    if link is None:
        raise PageChangedError(
            f"Row {_number(row)} of this CoinArchives page has no link to its lot; the "
            "site has changed."
        )
    address = join_address(base, attribute(link, "href"))
    lot_id = query_of(address, "LotID") or _number(row)
    photo = ""
    for anchor in row.select("td.rightborder a[href]"):
        if re.search(r"\.(?:jpe?g|png|webp)(?:$|\?)", attribute(anchor, "href"), re.I):
            photo = attribute(anchor, "href")
    thumbnail = photo_of(*row.find_all("img"))
    date = re.search(r"\b\d{1,2} [A-Z][a-z]{2} \d{4}\b", plain_text(row))
    return make_lot(
        NAME,
        f"{lot_id}{suffix}",
        url=address,
        title=plain_text(row.select_one(".auctiontitle")),
        text=plain_text(row.select_one(".lottext")),
        photo=photo or thumbnail,
        date=date[0] if date else "",
    )
