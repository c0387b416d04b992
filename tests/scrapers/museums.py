"""Commons, ANS, IKMK and nomisma on the loopback address, as they are described."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from typing import Any

from tests.scrapers.fake_sites import FakeSite, Reply, Request, draw_png

RULERS = (
    "John Hyrcanus I, 135-104 BC",
    "Judah Aristobulus I, 104-103 BC",
    "Alexander Jannaeus, 103-76 BC",
)


def photo(request: Request) -> Reply:
    # another photo for each address
    return Reply(draw_png(zlib.crc32(request.path.encode())), kind="image/png")


def commons(
    open_site: Callable[..., FakeSite], count: int, batch: int = 50
) -> FakeSite:
    """A search with `count` files, `batch` at a time."""
    site = open_site({"/files/": photo})

    def api(request: Request) -> Reply:
        first = int(request.query.get("gsroffset", 0))
        assert request.query["maxlag"] == "5"
        pages = [
            commons_file(site.address, n)
            for n in range(first, min(first + batch, count))
        ]
        answer: dict[str, Any] = {"query": {"pages": pages[::-1]}}
        if first + batch < count:
            answer["continue"] = {"gsroffset": first + batch, "continue": "gsroffset||"}
        else:
            answer["batchcomplete"] = True
        return Reply(json.dumps(answer), kind="application/json; charset=utf-8")

    site.routes["/w/api.php"] = api
    return site


def commons_file(address: str, number: int, **facts: str) -> dict[str, Any]:
    told = {
        "LicenseShortName": "CC BY-SA 3.0",
        "LicenseUrl": "https://creativecommons.org/licenses/by-sa/3.0/",
        "Artist": f'<a href="//commons/User:X">Photographer {number}</a>',
        "Credit": "Own work",
        "ImageDescription": (
            f"<p>{RULERS[number % 3]}. AE prutah, wreath &amp; horns.</p>"
        ),
        "ObjectName": f"Prutah {number}",
        **facts,
    }
    return {
        "pageid": 7000 + number,
        "index": number,
        "title": f"File:Prutah {number}.png",
        "imageinfo": [
            {
                "url": f"{address}/files/{number}.png",
                "thumburl": f"{address}/files/{number}-small.png",
                "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{number}",
                "mime": "image/png",
                "size": 1200,
                "sha1": "",
                "user": "Uploader",
                "extmetadata": {
                    key: {"value": value, "source": "commons-desc-page"}
                    for key, value in told.items()
                },
            }
        ],
    }


def ans(open_site: Callable[..., FakeSite], count: int) -> FakeSite:
    """A feed of `count` objects, a hundred a page, with their records."""
    site = open_site({"/collectionimages/": photo})

    def search(request: Request) -> Reply:
        first = int(request.query["start"])
        assert request.query["q"].endswith("AND imagesavailable:true")
        ids = [f"1944.100.{n}" for n in range(first, min(first + 100, count))]
        return Reply(ans_feed(ids, count), kind="application/xml")

    def record(request: Request) -> Reply:
        object_id = request.path.rpartition("/")[2].removesuffix(".xml")
        number = int(object_id.rpartition(".")[2])
        return Reply(ans_record(object_id, number, site.address), kind="text/xml")

    site.routes["/search/apis/search"] = search
    site.routes["/search/id/"] = record
    return site


def ans_feed(ids: list[str], total: int) -> str:
    items = "".join(
        f"<item><title>x</title><link>http://numismatics.org/collection/{one}</link>"
        "</item>"
        for one in ids
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:opensearch='
        '"http://a9.com/-/spec/opensearch/1.1/" version="2.0"><channel>'
        f"<opensearch:totalResults>{total}</opensearch:totalResults>{items}"
        "</channel></rss>"
    )


def ans_record(object_id: str, number: int, address: str, extra: str = "") -> str:
    files = "".join(
        f'<mets:fileGrp USE="{side}"><mets:file USE="archive"><mets:FLocat '
        f'xlink:href="{address}/collectionimages/{object_id}.{short}.png"/></mets:file>'
        f'<mets:file USE="thumbnail"><mets:FLocat xlink:href="small.jpg"/></mets:file>'
        "</mets:fileGrp>"
        for side, short in (("obverse", "obv"), ("reverse", "rev"))
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<nuds xmlns="http://nomisma.org/nuds" xmlns:xlink="http://www.w3.org/1999/xlink"
  xmlns:mets="http://www.loc.gov/METS/" xml:id="1944 &#x31;/no id">
<control><recordId>{object_id}</recordId>{extra}</control>
<descMeta><title xml:lang="en">Bronze Prutah,&nbsp;Jerusalem</title>
<typeDesc><denomination>Prutah</denomination>
<dateRange><fromDate standardDate="-0103">103 B.C.</fromDate>
<toDate standardDate="-0076">76 B.C.</toDate></dateRange>
<authority><persname xlink:role="authority">{RULERS[number % 3]}</persname></authority>
<geographic><geogname xlink:role="mint">Jerusalem</geogname></geographic>
<obverse><legend>יהוחנן</legend><type><description>Wreath</description></type></obverse>
<reverse><type><description>Double cornucopia</description></type></reverse></typeDesc>
<physDesc><axis>12</axis><measurementsSet><weight units="g">1.94</weight>
<diameter units="mm">14,5</diameter></measurementsSet></physDesc>
<refDesc><reference>Meshorer TJC B</reference></refDesc></descMeta>
<digRep><mets:fileSec>{files}</mets:fileSec></digRep></nuds>"""


def ikmk(open_site: Callable[..., FakeSite], count: int) -> FakeSite:
    """A cabinet that answers only within a session."""
    site = open_site({"/image/": photo})
    searched: dict[str, str] = {}

    def home(_: Request) -> Reply:
        return Reply("<p>welcome", headers={"Set-Cookie": "session=abc; Path=/"})

    def search(request: Request) -> Reply:
        if request.headers.get("Cookie") == "session=abc":
            searched["abc"] = request.form["quick_search_value"]
        return Reply(status=302, headers={"Location": "/tray?lang=en"})

    def tray(_: Request) -> Reply:
        if "abc" not in searched:
            return Reply("<p>an empty tray")
        rows = "".join(
            f'<a href="object?lang=en&amp;id={182000 + n}"><img src="x.jpg"></a>'
            f'<a href="object?lang=en&amp;id={182000 + n}">Prutah {n}</a>'
            for n in range(count)
        )
        return Reply(
            f"<form><input name='quick_search_value' value='{searched['abc']}'></form>"
            f"<span class='result-count'>{count} objects</span>{rows}"
        )

    def record(request: Request) -> Reply:
        number = int(request.query["id"]) - 182000
        return Reply(json.dumps(ikmk_object(number)), kind="application/json")

    site.routes |= {
        "/home": home,
        "/quick_search": search,
        "/tray": tray,
        "/object": record,
        **{f"/image/{182000 + n}/": photo for n in range(count)},
    }
    return site


def ikmk_object(number: int) -> dict[str, Any]:
    return {
        "ikmk_mds_id": 182000 + number,
        "nominal": {"nominal_de": "Prutah"},
        "year_start": -103,
        "year_end": -76,
        "weight": "2,05 g",
        "diameter": 14,
        "stempelstellung": "12 h",
        "avers": {
            "leg_text": "יהונתן",
            "photographer": {"photographer_name": "Lutz-Jürgen Lübke"},
        },
        "revers": {"text_en": "Double cornucopia"},
        "image_right": {"short": "Public Domain Mark 1.0"},
        "literatur": ["Meshorer, TJC P", "<i>Hendin</i> 1145"],
        "linked_persons_corporations": [
            {"type_name_de": "Münzherr", "name_en": RULERS[number % 3]}
        ],
    }


def nomisma(
    open_site: Callable[..., FakeSite], count: int, photos: FakeSite
) -> FakeSite:
    """Answers SPARQL; every other coin has photos on a host without a source."""

    def query(request: Request) -> Reply:
        question = request.query["query"]
        offset = int(question.rpartition("OFFSET ")[2])
        limit = int(question.rpartition("LIMIT ")[2].split()[0])
        numbers = range(offset, min(offset + limit, count))
        rows = [nomisma_row(n, photos.address) for n in numbers]
        return Reply(
            json.dumps({"results": {"bindings": rows}}),
            kind="application/sparql-results+json",
        )

    return open_site({"/query": query})


def nomisma_row(number: int, address: str) -> dict[str, Any]:
    host = address if number % 2 == 0 else "http://elsewhere.example"
    told = {
        "coin": f"http://numismatics.org/collection/1944.100.{number}",
        "title": f"Prutah of {RULERS[number % 3]}",
        "licence": "http://opendatacommons.org/licenses/odbl/",
        "weight": "1.9",
        "axis": "12",
        "obverse": f"{host}/collectionimages/{number}.obv.png",
        "reverse": f"{host}/collectionimages/{number}.rev.png",
    }
    return {key: {"type": "literal", "value": value} for key, value in told.items()}
