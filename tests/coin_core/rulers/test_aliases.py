"""Rulers as people write them."""

import pytest

from coin_core.rulers import RULERS, find_name_on_coin, find_ruler


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("john_hyrcanus_i", "john_hyrcanus_i"),
        ("John Hyrcanus I", "john_hyrcanus_i"),
        ("01 - Yehoḥanan", "john_hyrcanus_i"),
        ("YHWḤNN", "john_hyrcanus_i"),
        ("יְהוּדָה", "judah_aristobulus_i"),
        ("Judea", "judah_aristobulus_i"),
        ("YONATHAN", "alexander_jannaeus"),
        ("alexander-jannaeus", "alexander_jannaeus"),
        ("Hyrcanus", None),
        ("Hyrcanus II", None),
        ("", None),
        ("train", None),
    ],
)
def test_a_ruler_is_found_however_he_is_written(text, key):
    assert find_ruler(text) == key


def test_every_ruler_is_found_by_his_own_names():
    for key, ruler in RULERS.items():
        for name in (ruler.name, ruler.name_hebrew, ruler.name_on_coin):
            assert find_ruler(name) == key
        for spelling in ruler.spellings:
            assert find_ruler(spelling.name) in (key, None)


def test_the_name_on_the_coin_is_told_from_the_ruler():
    assert find_name_on_coin("ינתן") == "yonatan"
    assert find_name_on_coin("Yehohanan") == "yehohanan"
    assert find_name_on_coin("John Hyrcanus I") is None
