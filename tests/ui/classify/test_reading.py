"""What the letters say for a verdict, in sentences."""

from __future__ import annotations

import pytest

from coin_core.classifiers.rim_reader import RimLetter
from coin_core.legend_alignment import fit_legends
from coin_core.rulers import DEFAULT_CLASSES
from tests.coin_core.test_legend_alignment import read
from ui.classify.reading import reading_sentences, rim_sentence

HYRCANUS, JUDAH, JANNAEUS = DEFAULT_CLASSES


def sentences(ruler: str, *lines: str, probability: float = 0.9) -> str:
    letters = read(*lines, probability=probability)
    return reading_sentences(fit_legends(letters, DEFAULT_CLASSES), ruler)


@pytest.mark.parametrize(
    ("ruler", "lines", "words"),
    [
        (
            JANNAEUS,
            ("יהו", "נתןהכ", "הןהגדל"),
            "Read YHWNTN, 6 of 6 letters of Yehonatan; the taw, which decides, is "
            "clear.",
        ),
        (
            JANNAEUS,
            ("יהו", "נת.הכ", "הןהגדל"),
            "Read YHWNT·, 5 of 6 letters of Yehonatan; the taw, which decides, is "
            "clear; the last nun is missing.",
        ),
        (
            HYRCANUS,
            ("יהוח", "ננהכ", "הןהגדל"),
            "Read YHWḤNN, 6 of 6 letters of Yehohanan; the ḥet, which decides, is "
            "clear.",
        ),
    ],
)
def test_the_name_is_read_letter_by_letter(
    ruler: str, lines: tuple[str, ...], words: str
) -> None:
    assert sentences(ruler, *lines) == words


def test_a_faint_letter_is_called_doubtful() -> None:
    said = sentences(JUDAH, "יהוד", "ההכהן", "הגדל", probability=0.5)
    assert "the dalet, which decides, is doubtful" in said


def test_the_letter_that_decides_may_be_unread() -> None:
    said = sentences(JANNAEUS, "יהו")
    assert "The letter that decides (ḥet, dalet or taw) could not be read." in said
    assert said.endswith(" as well.")


def test_nothing_read_is_said() -> None:
    assert sentences(JUDAH) == (
        "No letter of the name Yehudah could be read. The letter that decides (ḥet, "
        "dalet or taw) could not be read."
    )


def test_letters_that_fit_another_name_better_are_no_secret() -> None:
    said = sentences(HYRCANUS, "יהו", "נתןהכ", "הןהגדל")
    assert said.endswith("By themselves the letters fit Yehonatan better.")


def on_rim(text: str, step: float = 15.0) -> list[RimLetter]:
    """Letters one after the other; a space is a letter that was not read."""
    return [
        RimLetter(letter=letter, probability=0.9, turn_deg=40 + step * place)
        for place, letter in enumerate(text)
        if letter != " "
    ]


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("IMPMAXIMIANVS", "IMPMAXIMIANVS"), ("VESP SIA VS", "VESP · SIA · VS")],
)
def test_what_is_read_along_the_rim_is_spelled_with_its_gaps(
    text: str, spelled: str
) -> None:
    said = rim_sentence(on_rim(text))
    assert said == (
        f"Letters that may stand along the rim, clockwise from below: {spelled}. "
        "Compare them with the coin."
    )


def test_a_few_letters_on_the_rim_tell_nothing() -> None:
    assert rim_sentence(on_rim("AVGVS")) == ""
    assert rim_sentence([]) == ""
