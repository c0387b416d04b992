"""Pages of biddr: a list of lots or one lot."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bs4 import BeautifulSoup

from scrapers.base import ResultPage
from scrapers.errors import PageChangedError
from scrapers.html_utils import (
    lots_by_link,
    plain_text,
    read_html,
    read_number,
    single_lot,
)
from scrapers.registry import register_page_parser

NAME: Final = "biddr"
# auction and lot are among other parameters, in any order
_LOT: Final = re.compile(r"\bbrowse(?=\?(?:[^#]*&)?a=(\d+))(?=\?(?:[^#]*&)?l=(\d+))")
_CATEGORY: Final = re.compile(r"[?&](?:c|q|s)=[^&]")


@register_page_parser(name=NAME, order=3, hosts=("biddr.com", "biddr.ch"))
def parse_page(text: str, url: str = "") -> ResultPage:
    """Read the lots of a page.

    Raises:
        PageChangedError: There are none, or more than the page announces.
    """
    soup = read_html(text)
    address = url or "https://www.biddr.com/"
    single = _LOT.search(address)
    if single:
        lot = single_lot(soup, NAME, "-".join(single.groups()), address)
        return ResultPage(
            listings=(replace(lot, date=lot.date or _date(soup)),), announced=1
        )
    lots = tuple(
        replace(lot, date=lot.date or _date(soup))
        for lot in lots_by_link(soup, address, NAME, _LOT)
    )
    announced = read_number(plain_text(soup.select_one(".all-lots small")))
    # one page of several, or one category, shows fewer than there are in all
    part = len(soup.select(".pagination-1 option")) > 1 or _CATEGORY.search(address)
    wrong = announced is not None and (
        len(lots) > announced or (len(lots) < announced and not part)
    )
    if not lots or wrong:
        raise PageChangedError(
            f"{len(lots)} lots were found in this biddr page, which announces "
            f"{announced if announced is not None else 'no number'}. Save it again "
            "when it has loaded; if that does not help, the site has changed."
        )
    return ResultPage(listings=lots, announced=announced)


def _date(soup: BeautifulSoup) -> str:
    """When the auction takes place, in the words of the page."""
    return plain_text(soup.select_one(".catalog-timetable"))[:80]
