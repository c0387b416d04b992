"""Rulers as people write them."""

import pytest

from coin_core.rulers import (
    RULERS,
    find_doubtful_ruler,
    find_name_on_coin,
    find_ruler,
)
from scrapers.labels.reader import read_label


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
        for layout in ruler.layouts:
            assert find_ruler(layout.name) in (key, None)


def test_the_name_on_the_coin_is_told_from_the_ruler():
    assert find_name_on_coin("ינתן") == "yonatan"
    assert find_name_on_coin("Yehohanan") == "yehohanan"
    assert find_name_on_coin("John Hyrcanus I") is None


@pytest.mark.parametrize(
    "text",
    [
        "Alexander Jannæus",
        "Alexander Jannäus",
        "Alexandre Jannée",
        "Alessandro Ianneo",
        "Alejandro Janeo",
        "Александр Яннай",
        "אלכסנדר ינאי",
        "Alexander Jannaeus (103-76 BCE)",
        "Johannes Hyrkan I.",
        "Jean Hyrcan Ier",
        "Giovanni Ircano I",
        "Juan Hircano I",
        "Иоанн Гиркан I",
        "יוחנן הורקנוס א'",
        "John Hyrcanus I, 135-104 BC",
        "Judas Aristobul I.",
        "Judas Aristobule Ier",
        "Giuda Aristobulo I",
        "Judá Aristóbulo I",
        "Иуда Аристобул I",
        "Y H W N T N",
        "John Hyrcanus II",
        "Aristobulus II",
        "John Hyrcanus, 63-40 BC",
        "Hyrcanus I or II",
        "Jannaeus or Hyrcanus I",
        "Alexander",
    ],
)
def test_names_of_tables_and_folders_are_those_of_lot_texts(text):
    assert find_ruler(text) == read_label(text).ruler


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Jannaeus?", "alexander_jannaeus"),
        ("Hyrcanus I?", "john_hyrcanus_i"),
        ("Hyrcanus I (?)", "john_hyrcanus_i"),
        ("? Jannaeus", "alexander_jannaeus"),
        ("probably Jannaeus", "alexander_jannaeus"),
        ("Jannaeus, probably", "alexander_jannaeus"),
        ("attributed to John Hyrcanus I", "john_hyrcanus_i"),
        ("wohl Jannaeus", "alexander_jannaeus"),
        ("vermutlich Johannes Hyrkan I.", "john_hyrcanus_i"),
        ("peut-être Jean Hyrcan Ier", "john_hyrcanus_i"),
        ("forse Alessandro Ianneo", "alexander_jannaeus"),
        ("quizás Alejandro Janeo", "alexander_jannaeus"),
        ("вероятно, Александр Яннай", "alexander_jannaeus"),
        ("כנראה אלכסנדר ינאי", "alexander_jannaeus"),
        ("Yehonatan?", "alexander_jannaeus"),
    ],
)
def test_a_name_in_doubt_is_a_suggestion(text, key):
    assert find_ruler(text) is None
    assert find_name_on_coin(text) is None
    assert find_doubtful_ruler(text) == key


@pytest.mark.parametrize("text", ["Jannaeus", "Hyrcanus?", "unknown?", "?", ""])
def test_what_is_certain_or_names_nobody_is_no_suggestion(text):
    assert find_doubtful_ruler(text) is None
