"""Pages of biddr, as a user saved them: a list of lots or one lot."""

from __future__ import annotations

import re
from typing import Final

from scrapers._pages import (
    ResultPage,
    lots_by_link,
    plain_text,
    read_html,
    read_number,
    single_lot,
)
from scrapers.errors import PageChangedError

NAME: Final = "biddr"
_LOT: Final = re.compile(r"browse\?a=(\d+)&(?:.*&)?l=(\d+)")


def is_page(text: str) -> bool:
    """Whether a page comes from biddr."""
    return "biddr.com" in text[:8000] or "biddr.ch" in text[:8000]


def parse_page(text: str, url: str = "") -> ResultPage:
    """Read the lots of a page.

    Raises:
        PageChangedError: There are none, or more than the page announces.
    """
    soup = read_html(text)
    address = url or "https://www.biddr.com/"
    this = _LOT.search(address)
    if this:
        lot = single_lot(soup, NAME, "-".join(this.groups()), address)
        return ResultPage(listings=(lot,), announced=1)
    lots = lots_by_link(soup, address, NAME, _LOT)
    announced = read_number(plain_text(soup.select_one(".all-lots small")))
    if not lots or (announced is not None and len(lots) > announced):
        raise PageChangedError(
            f"{len(lots)} lots were found in this biddr page, which announces "
            f"{announced if announced is not None else 'no number'}. Save it again "
            "when it has loaded; if that does not help, the site has changed."
        )
    return ResultPage(listings=lots, announced=announced)
