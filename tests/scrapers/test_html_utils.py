"""What the parsers of result pages share."""

import re
from contextlib import suppress

import pytest

from scrapers.errors import UnexpectedAnswerError
from scrapers.html_utils import MOST_DEPTH, lots_by_link, plain_text, read_html


@pytest.mark.parametrize("damage", ["<![x", "<![a<b>]]>", "<![if", "&#9" + "9" * 5000])
def test_damaged_markup_is_refused_or_read_but_never_escapes(damage):
    for text in (damage, f"<p>x</p>{damage}<p>y</p>"):
        with suppress(UnexpectedAnswerError):
            assert read_html(text).name == "[document]"


def test_an_unknown_marked_section_is_damaged_html():
    with pytest.raises(UnexpectedAnswerError, match="damaged HTML"):
        read_html("<p>x</p><![a<b>]]><p>y</p>")


def test_pages_are_nested_no_deeper_than_it_takes_long():
    assert read_html("<div>" * (MOST_DEPTH - 1)).name == "[document]"
    with pytest.raises(UnexpectedAnswerError, match="too deeply"):
        read_html("<table><tr><td>x</td>" * MOST_DEPTH)


@pytest.mark.parametrize(
    ("whole", "first", "then"),
    [
        ("<ul>{}</ul>", "<li>", ""),
        ("<table>{}</table>", "<tr><td>", "<td>"),
        ("<table><tbody>{}</table>", "<tr><th>", "<td>"),
    ],
)
def test_lots_without_end_tags_keep_their_own_photo_and_text(whole, first, then):
    lots = "".join(
        f"{first}<a href='/lot/{n}'>Lot {n}</a>{then}<img src='/{n}.jpg'>{then}text {n}"
        for n in (1, 2, 3)
    )
    soup = read_html(f"<body>{whole.format(lots)}</body>")
    found = lots_by_link(soup, "https://x.example/", "x", re.compile(r"/lot/(\d+)"))
    assert len(found) == 3
    for number, lot in enumerate(found, start=1):
        assert lot.text == f"Lot {number} text {number}"
        assert [image.url for image in lot.images] == [
            f"https://x.example/{number}.jpg"
        ]


def test_a_list_within_an_item_ends_no_item_around_it():
    soup = read_html(
        "<ul><li id=a>1<ul><li>2<li>3</ul>4<li id=b>"
        "<table><tr><td>5<table><tr><td>6</table>7<td>8</table>9</ul>10"
    )
    first, second = soup.select("#a, #b")
    assert plain_text(first) == "1 2 3 4"
    assert plain_text(second) == "5 6 7 8 9"
    assert [plain_text(cell) for cell in soup.select("#b > table > tr > td")] == [
        "5 6 7",
        "8",
    ]
