"""The letters on the wreath sides, and their forms.

The forms are those of the archaising script of the Hasmonean mint. They differ from the
Phoenician letters of computer fonts, which only represent them in print.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter that the networks read.

    Attributes:
        key: Its name.
        hebrew: The square letter; empty for the Greek one.
        paleo: The character of the Phoenician block that prints it.
        transliteration: Its Latin equivalent.
        form: Its form on coins.
    """

    key: str
    hebrew: str
    paleo: str
    transliteration: str
    form: str


# This is the order of the classes in the networks' letter maps.
LETTERS: Final[tuple[Letter, ...]] = (
    Letter(
        key="aleph",
        hebrew="א",
        paleo="\U00010900",
        transliteration="ʾ",
        form="Two arms crossing a slanted stem; only in 'head of the council'.",
    ),
    Letter(
        key="bet",
        hebrew="ב",
        paleo="\U00010901",
        transliteration="B",
        form="A round head on a stem that bends into a foot to the left.",
    ),
    Letter(
        key="gimel",
        hebrew="ג",
        paleo="\U00010902",
        transliteration="G",
        form="An angle like a 7 or an inverted V with a short left arm.",
    ),
    Letter(
        key="dalet",
        hebrew="ד",
        paleo="\U00010903",
        transliteration="D",
        form="A triangle, its right side often running on below as a short leg.",
    ),
    Letter(
        key="he",
        hebrew="ה",
        paleo="\U00010904",
        transliteration="H",
        form=(
            "A flat or slanting top bar, a long right leg and one or two short bars "
            "that often close to a loop, like an A with a flat top."
        ),
    ),
    Letter(
        key="waw",
        hebrew="ו",
        paleo="\U00010905",
        transliteration="W",
        form=(
            "A stem with a hook or fork at its head and a cross stroke, like a 7 with "
            "a bar, an f, or a Y with one arm."
        ),
    ),
    Letter(
        key="het",
        hebrew="ח",
        paleo="\U00010907",
        transliteration="Ḥ",
        form="A ladder of two fields, sometimes open at top or bottom like an H.",
    ),
    Letter(
        key="yod",
        hebrew="י",
        paleo="\U00010909",
        transliteration="Y",
        form="A Z, often with a short middle bar.",
    ),
    Letter(
        key="kaf",
        hebrew="כ",
        paleo="\U0001090a",
        transliteration="K",
        form="A Y whose right arm runs down as a long leg bending left.",
    ),
    Letter(
        key="lamed",
        hebrew="ל",
        paleo="\U0001090b",
        transliteration="L",
        form="An L, or a hook opening to the upper right.",
    ),
    Letter(
        key="mem",
        hebrew="מ",
        paleo="\U0001090c",
        transliteration="M",
        form="A short zigzag on top of a long leg bending left.",
    ),
    Letter(
        key="nun",
        hebrew="נ",
        paleo="\U0001090d",
        transliteration="N",
        form="An S or a 5 with sharp corners: a short head, a long leg curving left.",
    ),
    Letter(
        key="resh",
        hebrew="ר",
        paleo="\U00010913",
        transliteration="R",
        form="The head of bet on a straight leg without a foot, like a 9 or a q.",
    ),
    Letter(
        key="shin",
        hebrew="ש",
        paleo="\U00010914",
        transliteration="Š",
        form="A W; only in 'head of the council'.",
    ),
    Letter(
        key="taw",
        hebrew="ת",
        paleo="\U00010915",
        transliteration="T",
        form="An upright or slanting cross.",
    ),
    Letter(
        key="greek_a",
        hebrew="",
        paleo="Α",
        transliteration="A",
        form="An ordinary Greek capital A, alone above the legend.",
    ),
)

_FINAL_FORMS = {"ך": "kaf", "ם": "mem", "ן": "nun"}

HEBREW_TO_LETTER: Final = MappingProxyType(
    {letter.hebrew: letter.key for letter in LETTERS if letter.hebrew} | _FINAL_FORMS
)
"""The key of each square letter, final forms included."""

_BY_KEY = {letter.key: letter for letter in LETTERS}


def transliterate(hebrew: str) -> str:
    """Transliterate Hebrew letters, in reading order; spaces stay."""
    return "".join(
        char if char == " " else _BY_KEY[HEBREW_TO_LETTER[char]].transliteration
        for char in hebrew
    )


def to_paleo(hebrew: str) -> str:
    """Convert Hebrew letters to the Phoenician block of Unicode; spaces stay."""
    return "".join(
        char if char == " " else _BY_KEY[HEBREW_TO_LETTER[char]].paleo
        for char in hebrew
    )
