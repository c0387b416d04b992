"""The values that describe a ruler and his legends; public through `rulers`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coin_core.rulers.letters import HEBREW_TO_LETTER, to_paleo, transliterate


class Evidence(StrEnum):
    """How sure the line breaks of a layout are."""

    READ = "read line by line on a coin"
    RESTORED = "read on a coin, its worn end restored"
    BUILT = "wording and number of lines attested, line breaks inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which a legend breaks into lines.

    Attributes:
        lines: Hebrew letters without spaces, in reading order (right to left), top
            line first; words break across lines.
        name: The letters, from the start of the legend, that spell the ruler's name.
        greek_a: Whether a Greek A stands alone above the first line.
        evidence: How sure the line breaks are.
        source: The work or collection that gives the layout.
    """

    lines: tuple[str, ...]
    name: str
    source: str
    greek_a: bool = False
    evidence: Evidence = Evidence.BUILT

    def __post_init__(self) -> None:
        unknown = set("".join(self.lines)) - set(HEBREW_TO_LETTER)
        if unknown or not all(self.lines):
            raise ValueError(f"lines must be Hebrew letters, got {self.lines}")
        if not "".join(self.lines).startswith(self.name):
            raise ValueError(f"the legend {self.lines} does not begin with {self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """One wording of a legend, its words apart, with the name as it is spelt there."""

    name: str
    legend: str
    meaning: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A number in a catalogue; numbers mean nothing without their edition.

    `checked` is False where the number comes from general knowledge and was not
    read in a source.
    """

    edition: str
    number: str
    note: str
    source: str
    checked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """To whom one school gives the coins that carry this name."""

    school: str
    ruler: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """One ruler, and the name that stands on his coins.

    Attributes:
        key: The class name that models use.
        name: The usual English name.
        name_hebrew: The usual Hebrew name.
        name_on_coin: The name on the coin in Latin letters, as it is spoken.
        name_hebrew_on_coin: The name on the coin in square Hebrew letters.
        name_paleo: The same in the Phoenician block of Unicode.
        letters_transliterated: The same, letter by letter.
        telling_letters: Keys of the letters in the name that the others lack.
        reign_from: First year, BCE negative.
        reign_to: Last year, BCE negative.
        reign_note: What is uncertain about the years, and who gives them.
        tell_apart: One sentence: how the name is told from the other two.
        spellings: Wordings of the legend.
        layouts: Ways in which the legend breaks into lines.
        references: Catalogue numbers with their editions.
        attributions: What the schools make of the name.
        sources: The works that all this is taken from.
    """

    key: str
    name: str
    name_hebrew: str
    name_on_coin: str
    name_hebrew_on_coin: str
    telling_letters: tuple[str, ...]
    reign_from: int
    reign_to: int
    reign_note: str
    tell_apart: str
    spellings: tuple[Spelling, ...]
    layouts: tuple[Layout, ...]
    references: tuple[Reference, ...]
    attributions: tuple[Attribution, ...]
    sources: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.reign_from <= self.reign_to < 0:
            raise ValueError(
                f"a reign BCE runs from a lower to a higher negative year, got "
                f"{self.reign_from} to {self.reign_to}"
            )

    @property
    def name_paleo(self) -> str:
        """The name on the coin in the Phoenician block of Unicode."""
        return to_paleo(self.name_hebrew_on_coin)

    @property
    def letters_transliterated(self) -> str:
        """The name on the coin letter by letter, such as YHWḤNN."""
        return transliterate(self.name_hebrew_on_coin)

    @property
    def reign(self) -> str:
        """The reign in words, such as "135-104 BCE" (with an en dash)."""
        return f"{-self.reign_from}\N{EN DASH}{-self.reign_to} BCE"
