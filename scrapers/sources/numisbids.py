"""Pages of NumisBids: a list of lots or one lot."""

from __future__ import annotations

import re
from typing import Final

from scrapers.base import ResultPage
from scrapers.errors import PageChangedError
from scrapers.html_utils import lots_by_link, read_html, single_lot
from scrapers.registry import register_page_parser
from scrapers.url_safety import query_of

NAME: Final = "numisbids"
_SALE: Final = re.compile(r"/sale/(\d+)/lot/(\d+)")
_OLD: Final = re.compile(
    r"\bn\.php(?=\?(?:[^#]*&)?sid=(\d+))(?=\?(?:[^#]*&)?lot=(\d+))"
)


@register_page_parser(name=NAME, order=4, hosts=("numisbids.com",))
def parse_page(text: str, url: str = "") -> ResultPage:
    """Read the lots of a page.

    Raises:
        PageChangedError: There are none.
    """
    soup = read_html(text)
    address = url or "https://www.numisbids.com/"
    single = _SALE.search(address) or _OLD.search(address)
    if single:
        lot = single_lot(soup, NAME, "-".join(single.groups()), address)
        return ResultPage(listings=(lot,), announced=1)
    lots = lots_by_link(soup, address, NAME, _SALE) or lots_by_link(
        soup, address, NAME, _OLD
    )
    if not lots:
        raise PageChangedError(
            "No lots were found in this NumisBids page. It was saved before it had "
            "loaded, nothing matched, or the site has changed."
        )
    query = query_of(address, "searchall")
    return ResultPage(listings=lots, query=query)
