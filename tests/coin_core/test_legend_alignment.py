"""Letters that were read, aligned with the legends of the rulers."""

import numpy as np
import pytest

from coin_core.imaging.preprocessing import RotatedBox
from coin_core.legend_alignment import LetterState, align, fit_legends
from coin_core.legends import draw_legend
from coin_core.results import LetterRead
from coin_core.rulers import DEFAULT_CLASSES, HEBREW_TO_LETTER

BOX = RotatedBox(left=0.0, top=0.0, right=0.1, bottom=0.1)


def read(*lines, probability=0.9):
    """Letters in reading order, from lines of Hebrew letters; a dot was not read."""
    return tuple(
        LetterRead(
            letter=HEBREW_TO_LETTER[sign],
            box=BOX,
            probability=probability,
            line=number,
            place=place,
        )
        for number, line in enumerate(lines)
        for place, sign in enumerate(line)
        if sign != "."
    )


def best(letters):
    return max(fit_legends(letters, DEFAULT_CLASSES), key=lambda fit: fit.probability)


@pytest.mark.parametrize("ruler", DEFAULT_CLASSES)
def test_a_legend_that_is_read_whole_is_that_of_its_ruler(ruler):
    rng = np.random.default_rng(5)
    legends = [draw_legend(rng, ruler) for _ in range(20)]
    fits = [best(read(*legend.text())) for legend in legends]
    assert {fit.ruler for fit in fits} == {ruler}
    # Lines that are usual for another ruler leave a little doubt.
    probabilities = [fit.probability for fit in fits]
    assert np.median(probabilities) > 0.95
    assert min(probabilities) > 0.7


def test_the_probabilities_sum_to_one_and_nothing_read_says_nothing():
    fits = fit_legends((), DEFAULT_CLASSES)
    assert [fit.ruler for fit in fits] == list(DEFAULT_CLASSES)
    assert [fit.probability for fit in fits] == pytest.approx([1 / 3] * 3)
    assert {fit.found for fit in fits} == {0}
    assert all(
        letter.state is LetterState.MISSING for fit in fits for letter in fit.name
    )
    fits = fit_legends(read("יהו", "נתןה"), DEFAULT_CLASSES)
    assert sum(fit.probability for fit in fits) == pytest.approx(1)


def test_the_letters_of_the_name_are_clear_doubtful_or_missing():
    letters = (*read("יהו", "נת"), *read("...הכ", probability=0.5))
    fit = best(letters)
    assert fit.ruler == "alexander_jannaeus"
    states = [letter.state for letter in fit.name]
    assert states == [LetterState.CLEAR] * 5 + [LetterState.MISSING]
    assert [letter.read for letter in fit.name] == [0, 1, 2, 3, 4, None]
    assert fit.found == 5
    doubtful = best(read("יהו", "נתןהכהן", probability=0.6))
    assert {letter.state for letter in doubtful.name} == {LetterState.DOUBTFUL}


def test_a_misread_letter_is_not_one_of_the_name():
    fit = best(read("יהו", "בתןהכ", "הןהגדל"))
    assert fit.ruler == "alexander_jannaeus"
    assert fit.name[3].letter == "nun"
    assert (fit.name[3].state, fit.name[3].read) == (LetterState.MISSING, None)
    assert fit.found == 5


def test_the_letter_that_decides_decides():
    fits = {
        fit.ruler: fit.probability
        for fit in fit_legends(read("יהו.", "הכהןה"), DEFAULT_CLASSES)
    }
    assert max(fits.values()) < 0.75
    assert best(read("יהוד", "הכהןה")).ruler == "judah_aristobulus_i"
    assert best(read("יהוח", "ןהכהןה")).ruler == "john_hyrcanus_i"


def test_marks_beside_the_legend_do_not_hide_the_name():
    fit = best(read("ש", "יהו", "נתןהכ", "הןהגדל", "וחבר"))
    assert fit.ruler == "alexander_jannaeus"
    assert fit.found == 6
    assert fit.name[0].read == 1


def test_a_name_is_not_found_where_the_title_stands():
    # "the high priest": its letters he, nun and yod spell no name.
    fits = fit_legends(read("....", "..", "הכהןהגדל"), DEFAULT_CLASSES)
    assert all(fit.found <= 2 for fit in fits)
    assert max(fit.probability for fit in fits) < 0.8


def test_the_path_names_each_letter_once():
    letters = read("יהו", "נתןהכ", "הןהגדלו", "חברהי", "הד")
    for fit in fit_legends(letters, DEFAULT_CLASSES):
        assert len(fit.path) == sum(map(len, fit.legend.lines))
        used = [place for place in fit.path if place is not None]
        assert used == sorted(set(used))


def _aligned(*lines: str) -> list[list[str]]:
    """The pairs as "letter read, letter of the legend, state", line by line."""
    letters = read(*lines)
    fit = best(letters)
    return [
        [
            f"{'-' if pair.read is None else letters[pair.read].letter} "
            f"{pair.attested or '-'} {pair.state}"
            for pair in line
        ]
        for line in align(letters, fit)
    ]


def test_letters_stand_above_those_of_the_legend_line_by_line():
    first, second, *_ = _aligned("יהו", "נתןהכ", "הןהגדל")
    assert first[:3] == ["yod yod clear", "he he clear", "waw waw clear"]
    assert [pair.split()[1] for pair in (first + second)[3:6]] == ["nun", "taw", "nun"]


def test_a_gap_is_left_for_what_was_missed_misread_or_added():
    pairs = [pair for line in _aligned("יהש", "בתןהכ", "הןהגדל") for pair in line]
    assert "bet nun misread" in pairs or {"- nun missing", "bet - added"} <= set(pairs)
    assert "taw taw clear" in pairs
    assert _aligned("י")[-1][-1].startswith("- ")


def test_each_letter_read_stands_in_one_place():
    letters = read("ש", "יהו", "נתןהכ", "הןהגדל", "וחבר", "ש")
    for fit in fit_legends(letters, DEFAULT_CLASSES):
        lines = align(letters, fit)
        places = [p.read for line in lines for p in line if p.read is not None]
        assert places == list(range(len(letters)))
        attested = [[p.attested for p in line if p.attested] for line in lines]
        assert attested == [list(line) for line in fit.legend.lines]
        named = [p for line in lines for p in line if p.of_name]
        assert [p.attested for p in named] == [one.letter for one in fit.name]


def test_a_mark_after_a_line_stays_in_the_line_it_was_read_in():
    letters = read("יהוש", "נתןהכ", "הןהגדל")
    first = align(letters, best(letters))[0]
    assert (first[-1].attested, first[-1].read) in ((None, 3), ("nun", 3))
