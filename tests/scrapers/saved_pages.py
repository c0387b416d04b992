"""Pages as the auction sites build them, written by us for the tests."""

from __future__ import annotations

import base64
import html
import json

LOTS = [
    (
        101,
        "House A, Auction 7, Lot 12",
        "JUDAEA. John Hyrcanus I. AE Prutah. Wreath / double cornucopia. 1.85 g.",
    ),
    (
        102,
        "House B, E-Sale 3, Lot 9",
        'Alexander Jannaeus. Prutah; note "as found" [sic]; obv [...]; wreath & horns.',
    ),
    (103, "House C, Auction 1, Lot 4", "Judas Aristobule Ier. Prutah, couronne."),
]


def acsearch(
    lots=LOTS, *, total: str = "3", first=1, script=True, view=(), last=None
) -> str:
    items = [
        {
            "id": number,
            "title": title,
            "description": html.escape(text, quote=False),
            "image": f"https://www.acsearch.info/media/{number}.s.jpg",
            "date": "14.03.2021",
            "price": "*",
        }
        for number, title, text in lots
    ]
    last = first + len(lots) - 1 if last is None else last
    seen = "".join(
        f'<div class="auction-lot" data-id="{number}"><div class="lot-img">'
        f'<img src="{photo}"></div><div class="lot-date"><span>14.03.2021</span></div>'
        f'<div class="lot-desc"><b>{title}</b><span>{html.escape(text)}</span></div>'
        "</div>"
        for number, title, text, photo in view
    )
    start = f"acsearch.initSearchResults = {json.dumps(items)};" if script else ""
    return (
        "<html><head><title>acsearch.info</title></head><body>"
        f"<h1>Results {first}-{last} of {html.escape(total)} for prutah</h1>"
        f'<div id="search-container">{seen}</div>'
        f"<script>{start}\nacsearch.searchItemsPerPage = 100;</script></body></html>"
    )


def coinarchives(lots=LOTS, *, announced: int | str = 3, extra: str = "") -> str:
    rows = "".join(
        f"<tr id='{number}'><td class=\"leftborder\"><a class='R' href=\"lotviewer.php?"
        f'LotID={number}&AucID=55&Lot={number - 100}&Val=ab">'
        f"<div class=\"auctiontitle\">{title}</div><span class='lottext'>"
        f"{html.escape(text)}</span></a></td><td class='rightborder'><div>"
        f"<a href=\"/photos/{number}.jpg\"><img src='/thumbs/{number}.jpg'></a></div>"
        f"<nobr>1 Sep 2026</nobr></td><td class='price'>1,000 USD</td></tr>"
        for number, title, text in lots
    )
    return (
        "<html><body><div class='resultsinfo'><span class='headertext'>Your search for "
        f"'john hyrcanus' matched {announced} lots from auctions added in the last six "
        f"months.</span></div>{extra}<table class=results>{rows}</table></body></html>"
    )


def biddr(lots=LOTS, *, announced=3) -> str:
    cards = "".join(
        f'<div class="lot"><a href="/auctions/housea/browse?a=900&amp;l={number}">'
        f'<img data-src="https://media.biddr.com/{number}.jpg" src="blank.gif"></a>'
        f'<h4><a href="/auctions/housea/browse?a=900&amp;l={number}">{title}</a></h4>'
        f"<p>{html.escape(text)}</p></div>"
        for number, title, text in lots
    )
    return (
        '<html><head><link rel="canonical" href="https://www.biddr.com/auctions/housea/'
        'browse?a=900"></head><body><div class="catalog-title"><h1>Sale 900</h1></div>'
        f'<div class="all-lots">All lots <small>({announced})</small></div>'
        f"<div>{cards}</div></body></html>"
    )


def numisbids(lots=LOTS) -> str:
    cards = "".join(
        f'<div class="browse"><a href="/sale/444/lot/{number}">Lot {number}</a>'
        f'<a href="/sale/444/lot/{number}"><img src="//media.numisbids.com/'
        f'{number}.jpg"></a><b>{title}</b> {html.escape(text)}</div>'
        for number, title, text in lots
    )
    return (
        "<!-- saved from url=(0046)https://www.numisbids.com/searchall?searchall="
        f"prutah --><html><body>{cards}</body></html>"
    )


def mhtml(page: str, url: str, files: dict[str, bytes]) -> bytes:
    parts = [
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        f"Content-Location: {url}\r\n\r\n{base64.encodebytes(page.encode()).decode()}",
        *(
            "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-Location: {where}\r\n\r\n{base64.encodebytes(data).decode()}"
            for where, data in files.items()
        ),
    ]
    return (
        "From: <Saved by Blink>\r\n"
        f"Snapshot-Content-Location: {url}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; boundary="----cut"\r\n\r\n'
        + "".join(f"------cut\r\n{part}\r\n" for part in parts)
        + "------cut--\r\n"
    ).encode()


# a page of each site, its address, and where its photos lie
SAVED = {
    "acsearch": (
        acsearch(),
        "https://www.acsearch.info/search.html?term=prutah",
        "https://www.acsearch.info/media/{n}.s.jpg",
    ),
    "coinarchives": (
        coinarchives(),
        "https://www.coinarchives.com/a/results.php?search=john+hyrcanus",
        "https://www.coinarchives.com/photos/{n}.jpg",
    ),
    "biddr": (
        biddr(),
        "https://www.biddr.com/auctions/housea/browse?a=900",
        "https://media.biddr.com/{n}.jpg",
    ),
    "numisbids": (
        numisbids(),
        "https://www.numisbids.com/searchall?searchall=prutah",
        "https://media.numisbids.com/{n}.jpg",
    ),
}
