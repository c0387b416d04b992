from __future__ import annotations

import pytest

from coin_core.detection.faces import RotatedBox
from coin_core.explain import LetterRead
from coin_core.rulers import RULERS
from ui.components.paleo_hebrew import (
    letters_of,
    letters_of_name,
    match_name,
    name_lines,
    name_on_coin,
    paleo_svg,
    transliterated,
)

BOX = RotatedBox(left=0.4, top=0.4, right=0.5, bottom=0.5)


def as_read(*lines: str) -> list[LetterRead]:
    return [
        LetterRead(letter=key, box=BOX, probability=0.9, line=line, place=place)
        for line, hebrew in enumerate(lines)
        for place, key in enumerate(letters_of(hebrew))
    ]


@pytest.mark.parametrize(
    ("lines", "name", "matched"),
    [
        (("יהוח", "נןהכהן"), "יהוחנן", 6),
        (("יהו", "נתןהכ"), "יהונתן", 6),
        (("יהו", "תןהכ"), "יהונתן", 5),  # one letter worn away
        (("ה", "יהוד", "הכהן"), "יהודה", 5),  # a stray mark above the first line
        (("הכהן", "הגדל", "ברבר", "יהודה"), "יהודה", 2),  # far below
        ((), "יהודה", 0),
    ],
)
def test_the_name_is_looked_for_where_it_stands(
    lines: tuple[str, ...], name: str, matched: int
) -> None:
    found = match_name(as_read(*lines), letters_of(name))
    assert len(found) == matched
    assert found == sorted(found)


def test_the_letters_of_a_name_are_those_of_the_first_lines() -> None:
    assert letters_of_name(as_read("יהו", "נתןהכ"), "alexander_jannaeus") == set(
        range(6)
    )


def test_a_class_that_is_no_ruler_has_no_name_line() -> None:
    assert letters_of_name(as_read("יהו"), "Vespasian") == set()


def test_lines_are_written_from_the_right() -> None:
    assert transliterated(as_read("יהוח", "נן")) == "YHWḤ / NN"


def test_every_ruler_has_a_line_and_reads_right_to_left() -> None:
    table = name_lines(as_read("יהוד", "ה"))
    assert table.count("<tr>") == len(RULERS)
    yehudah = table.split("<tr>")[2]
    assert yehudah.index("D ד") < yehudah.index("Y י")


@pytest.mark.parametrize("ruler", RULERS.values(), ids=lambda ruler: ruler.key)
def test_names_are_drawn_so_that_no_font_is_needed(ruler) -> None:
    letters = letters_of(ruler.name_hebrew_on_coin)
    assert len(letters) == len(ruler.name_hebrew_on_coin)
    assert paleo_svg(letters).count("<polyline") >= len(letters)
    assert "data:image/svg+xml" in name_on_coin(ruler)
