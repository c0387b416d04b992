"""Pages of NumisBids: lists and single lots."""

from __future__ import annotations

import base64

import pytest

from scrapers.sources import numisbids
from tests.scrapers import saved_pages as pages
from tests.scrapers.fake_sites import draw_png


def test_numisbids_is_read():
    page = numisbids.parse_page(
        pages.numisbids(), "https://www.numisbids.com/searchall?searchall=prutah"
    )
    assert page.query == "prutah"
    lot = page.listings[2]
    assert (lot.record_id, lot.title) == ("444-103", "House C, Auction 1, Lot 4")
    assert lot.images[0].url == "https://media.numisbids.com/103.jpg"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.numisbids.com/n.php?p=lot&sid=444&lot=103",
        "https://www.numisbids.com/n.php?lot=103&p=lot&sid=444",
        "https://www.numisbids.com/sale/444/lot/103",
        "https://www.numisbids.com/sale/444/lot/103/anything",
    ],
)
def test_one_lot_of_numisbids_is_read(url):
    text = "<div class='viewlottext'>Judah Aristobulus I. Prutah.</div>"
    (lot,) = numisbids.parse_page(text, url).listings
    assert (lot.record_id, lot.text) == ("444-103", "Judah Aristobulus I. Prutah.")


ADDRESS = "https://www.numisbids.com/n.php?p=lot&sid=444&lot=103"


def test_the_words_of_the_page_are_not_those_of_the_lot():
    text = (
        "<meta property='og:title' content='NumisBids: House, Lot 103'>"
        "<div class='viewlottext'><div class='estimate'>Estimate: 300 AUD</div>"
        "<div class='share'>Share this lot: <a>Share by Email</a></div>"
        "<div class='description' id='postbid'>Bid now</div>"
        "<div class='description' id='watchnote'></div>"
        "<div class='description'><b>Judaea.</b> Alexander Jannaeus. Prutah."
        "</div></div><p>Question about this auction?</p>"
    )
    (lot,) = numisbids.parse_page(text, ADDRESS).listings
    assert lot.text == "Judaea. Alexander Jannaeus. Prutah."


def test_the_words_of_the_page_go_where_the_description_is_not_marked():
    text = (
        "<div class='viewlottext'><div class='share'>Share this lot: by e-mail</div>"
        "Alexander Jannaeus. Prutah.</div>"
    )
    (lot,) = numisbids.parse_page(text, ADDRESS).listings
    assert lot.text == "Alexander Jannaeus. Prutah."


PHOTO = f"data:image/png;base64,{base64.b64encode(draw_png(1)).decode()}"
EMPTY = "data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22></svg>"


@pytest.mark.parametrize(
    "image",
    [
        f"<img src='{PHOTO}'>",
        f"<img src='{EMPTY}' style='background-image:var(--sf-img-2)!important'>",
    ],
)
def test_singlefile_keeps_a_photo_in_the_img_or_in_a_style(image):
    text = (
        f'<style>:root{{--sf-img-1: url("{EMPTY}");--sf-img-2: url("{PHOTO}")}}</style>'
        "<title>NumisBids: House, Lot 103</title><img src='data:image/gif;base64,R0lG'>"
        f"<div class=viewlot>{image}<div class=description>Prutah.</div></div>"
    )
    (lot,) = numisbids.parse_page(text, ADDRESS).listings
    assert lot.images[0].url == PHOTO
    assert lot.title == "NumisBids: House, Lot 103"
