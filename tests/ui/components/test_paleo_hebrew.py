from __future__ import annotations

from dataclasses import replace

import pytest

from coin_core.detection.faces import RotatedBox
from coin_core.legend_alignment import LegendFit, fit_legends
from coin_core.results import LetterRead
from coin_core.rulers import RULERS
from ui.components.paleo_hebrew import (
    letters_of,
    letters_of_name,
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


def fits(*lines: str, probability: float = 0.9) -> tuple[LegendFit, ...]:
    read = [replace(letter, probability=probability) for letter in as_read(*lines)]
    return fit_legends(read, tuple(RULERS))


def test_the_letters_of_a_name_are_those_of_the_first_lines() -> None:
    read = fits("יהו", "נתןהכ")
    assert letters_of_name(read, "alexander_jannaeus") == set(range(6))


def test_a_class_that_is_no_ruler_has_no_name_line() -> None:
    assert letters_of_name(fits("יהו"), "Vespasian") == set()


def test_lines_are_written_from_the_right() -> None:
    assert transliterated(as_read("יהוח", "נן")) == "YHWḤ / NN"


def test_every_ruler_has_a_line_and_reads_right_to_left() -> None:
    table = name_lines(fits("יהוד", "ההכהן"))
    rows = table.split("<tr")[1:]
    assert len(rows) == len(RULERS)
    (best,) = [row for row in rows if "class=best" in row]
    assert "Yehudah" in best
    assert "5 of 5" in best
    assert best.index("D ד") < best.index("Y י")


def test_letters_are_clear_doubtful_or_missing() -> None:
    def count(table: str) -> dict[str, int]:
        states = ("clear", "doubtful", "missing")
        return {state: table.count(f'<td class="{state}') for state in states}

    read = count(name_lines(fits("יהו", "נתןה")))
    assert read["clear"] >= 6
    assert read["doubtful"] == 0
    assert count(name_lines(fits("יהו", "נתןה", probability=0.5)))["doubtful"] >= 6
    nothing = name_lines(fits())
    assert count(nothing)["clear"] == count(nothing)["doubtful"] == 0
    assert "class=best" not in nothing


@pytest.mark.parametrize("ruler", RULERS.values(), ids=lambda ruler: ruler.key)
def test_names_are_drawn_so_that_no_font_is_needed(ruler) -> None:
    letters = letters_of(ruler.name_hebrew_on_coin)
    assert len(letters) == len(ruler.name_hebrew_on_coin)
    assert paleo_svg(letters).count("<polyline") >= len(letters)
    assert "data:image/svg+xml" in name_on_coin(ruler)
