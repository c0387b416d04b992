"""What the parsers of result pages share."""

from contextlib import suppress

import pytest

from scrapers.errors import UnexpectedAnswerError
from scrapers.html_utils import MOST_DEPTH, read_html


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
        read_html("<table>" + "<tr><td>x</td>" * MOST_DEPTH)
