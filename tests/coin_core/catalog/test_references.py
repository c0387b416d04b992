"""References between text and values."""

import pytest

from coin_core.catalog import CoinReference, references_from, references_in_words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("Hendin 1132 (5th edition)", (("Hendin", "1132", "5th edition"),)),
        ("TJC A12; Hendin 1132", (("TJC", "A12", ""), ("Hendin", "1132", ""))),
        ("1132", (("", "1132", ""),)),
    ],
)
def test_references_are_read_and_written_again(text, found):
    values = references_from(text)
    assert [(v.catalogue, v.number, v.edition) for v in values] == list(found)
    assert references_in_words(values) == text


def test_what_is_no_reference_is_kept_as_it_is():
    (odd,) = references_from("Hendin (5th) 1132 (sic)")
    assert odd == CoinReference(catalogue="", number="Hendin (5th) 1132 (sic)")
