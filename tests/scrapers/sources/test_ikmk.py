"""The Berlin cabinet: a session, its list, its objects."""

from __future__ import annotations

import pytest

from scrapers.base import ImageSide
from scrapers.errors import (
    PageChangedError,
    UnexpectedAnswerError,
)
from scrapers.sources import ikmk
from tests.scrapers import museums


def test_berlin_is_read_within_a_session(site, client):
    one = museums.ikmk(site, count=3)
    source = ikmk.Ikmk(client(one), base=one.address)
    listings = list(source.find("Iannaios"))
    assert [lot.record_id for lot in listings] == ["182000", "182001", "182002"]
    lot = listings[0]
    assert lot.title == "John Hyrcanus I, 135-104 BC"
    assert "Obverse: יהונתן" in lot.text
    assert (lot.weight_g, lot.diameter_mm, lot.die_axis_h) == (2.05, 14.0, 12)
    assert lot.licence == "pdm-1.0"
    assert lot.credit.endswith("Lutz-Jürgen Lübke")
    assert lot.references == ("Meshorer, TJC P", "Hendin 1145")
    assert [image.side for image in lot.images] == [
        ImageSide.OBVERSE,
        ImageSide.REVERSE,
    ]
    assert source.fetch(lot.images[1]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<input name='quick_search_value' value='Nero'>", "another search"),
        ("<a href='?id=1820'>x</a><b class='result-count'>2</b>", "announces 2"),
        ("".join(f"<a href='?id={n}'>x</a>" for n in range(1000, 5000)), "narrower"),
    ],
)
def test_a_tray_with_something_else_is_refused(text, words):
    with pytest.raises(PageChangedError, match=words):
        ikmk.parse_tray(text, "Iannaios")


def test_an_empty_tray_is_empty():
    assert ikmk.parse_tray("<p>nothing found", "x") == ()


@pytest.mark.parametrize("record", [[], "x", {"ikmk_mds_id": 99}])
def test_another_object_is_refused(record):
    with pytest.raises(UnexpectedAnswerError):
        ikmk.parse_object(record, "182000")


@pytest.mark.parametrize(
    ("base", "photographer", "credit"),
    [
        ("https://ikmk.smb.museum", "", "Münzkabinett, Staatliche Museen zu Berlin"),
        (
            "https://ikmk.smb.museum",
            "A",
            "Münzkabinett, Staatliche Museen zu Berlin, A",
        ),
        ("https://www.ikmk.at", "", "www.ikmk.at"),
        ("https://www.ikmk.at", "A", "www.ikmk.at, A"),
    ],
)
def test_a_photo_is_credited_to_its_own_cabinet(base, photographer, credit):
    record = {"avers": {"photographer": {"photographer_name": photographer}}}
    assert ikmk.parse_object(record, "182000", base=base).credit == credit


def test_an_object_that_says_little_is_read_all_the_same():
    lot = ikmk.parse_object({"image_right": None, "avers": []}, "182000")
    assert (lot.title, lot.licence, lot.weight_g) == ("Object 182000", None, None)
