from __future__ import annotations

from dataclasses import replace

import pytest

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.legend_alignment import LegendFit, fit_legends
from coin_core.results import LetterRead
from coin_core.rulers import LETTERS, RULERS
from ui.components.paleo_hebrew import (
    glyph_style,
    legend_table,
    letters_of,
    letters_of_name,
    name_on_coin,
    paleo_svg,
)

JUDAH = "judah_aristobulus_i"
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


def table(*lines: str, probability: float = 0.9, ruler: str = JUDAH) -> str:
    read = [replace(letter, probability=probability) for letter in as_read(*lines)]
    return legend_table(fit_legends(read, tuple(RULERS)), read, ruler=ruler)


def test_every_ruler_has_his_name_and_the_best_is_framed() -> None:
    legends = table("יהוד", "ההכהן").split("<details")[1:]
    assert len(legends) == len(RULERS)
    (best,) = [one for one in legends if 'class="coin-legend best"' in one]
    assert "Yehudah" in best
    assert "5 of 5" in best
    assert best.index("י Y") < best.index("ד D")  # the page writes right to left
    assert 'dir="rtl"' in best


def test_the_legend_of_the_ruler_in_question_is_open() -> None:
    legends = table("יהוד", ruler="alexander_jannaeus").split("<details")[1:]
    assert [" open>" in one for one in legends] == [
        "Yehonatan" in one for one in legends
    ]


def test_letters_are_clear_doubtful_or_missing() -> None:
    def count(html: str) -> dict[str, int]:
        states = ("clear", "doubtful", "missing")
        return {state: html.count(f'<span class="{state}') for state in states}

    read = count(table("יהו", "נתןה"))
    assert read["clear"] >= 6
    assert read["doubtful"] == 0
    assert count(table("יהו", "נתןה", probability=0.5))["doubtful"] >= 6
    nothing = table()
    assert count(nothing)["clear"] == count(nothing)["doubtful"] == 0
    assert "coin-legend best" not in nothing


def test_what_was_read_stands_above_the_legend_and_says_so() -> None:
    html = table("יהו", "בתןהכ", "הןהגדל", ruler="alexander_jannaeus")
    (legend,) = [one for one in html.split("<details")[1:] if "Yehonatan" in one]
    assert 'data-letter="0" tabindex="0" role="img" aria-label="yod, read clearly"' in (
        legend
    )
    assert "bet was read in place of nun" in legend or "bet, read where" in legend
    assert "nun, not read" in legend or "bet was read in place of nun" in legend
    # A misread letter counts as missing in the name above.
    assert "5 of 6" in legend


def test_every_letter_has_a_shape_in_the_style_sheet() -> None:
    style = glyph_style()
    assert all(f".coin-glyph.{letter.key} " in style for letter in LETTERS)


@pytest.mark.parametrize("ruler", RULERS.values(), ids=lambda ruler: ruler.key)
def test_names_are_drawn_so_that_no_font_is_needed(ruler) -> None:
    letters = letters_of(ruler.name_hebrew_on_coin)
    assert len(letters) == len(ruler.name_hebrew_on_coin)
    assert paleo_svg(letters).count("<polyline") >= len(letters)
    assert "data:image/svg+xml" in name_on_coin(ruler)
