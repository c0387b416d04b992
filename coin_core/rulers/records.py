"""The values that describe a ruler and the legends of his coins."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from coin_core.rulers.label_words import LabelWords
from coin_core.rulers.letters import HEBREW_TO_LETTER, to_paleo, transliterate

Weighted = tuple[tuple[str, float], ...]
"""Texts, each with its relative frequency."""

HIGH_PRIEST: Weighted = (
    ("הכהנהגדל", 0.55),
    ("הכהנהגדול", 0.25),
    ("כהנגדול", 0.12),
    ("כהנגדל", 0.08),
)
COUNCIL: Weighted = (
    ("וחברהיהודים", 0.4),
    ("וחברהיהדים", 0.3),
    ("וחברהידים", 0.15),
    ("וחברהיה", 0.15),
)


class Evidence(StrEnum):
    """The evidence for the line breaks of a layout."""

    READ = "read line by line on a coin"
    RESTORED = "read on a coin, its worn end restored"
    FITTED = "fitted to where letters were detected on many coins"
    BUILT = "wording and number of lines attested, line breaks inferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One way in which a legend breaks into lines.

    Attributes:
        lines: Hebrew letters without spaces, in reading order (right to left), top
            line first; words break across lines.
        name: The first letters of the legend, which spell the ruler's name.
        greek_a: Whether there is a Greek A above the first line.
        evidence: The evidence for the line breaks.
        source: The work or collection that gives the layout.
        weight: How often rendered coins show it, beside the ruler's other layouts.
    """

    lines: tuple[str, ...]
    name: str
    source: str
    greek_a: bool = False
    evidence: Evidence = Evidence.BUILT
    weight: float = 1.0

    def __post_init__(self) -> None:
        unknown = set("".join(self.lines)) - set(HEBREW_TO_LETTER)
        if unknown or not all(self.lines):
            raise ValueError(f"lines must be Hebrew letters, got {self.lines}")
        if not "".join(self.lines).startswith(self.name):
            raise ValueError(f"the legend {self.lines} does not begin with {self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A number in one edition of a catalogue.

    `checked` is False where the number is general knowledge, not yet verified in a
    source.
    """

    edition: str
    number: str
    note: str
    source: str
    checked: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The ruler to whom one school gives the coins with this name."""

    school: str
    ruler: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NameOnCoin:
    """One form of the name on the coins.

    Attributes:
        form: The usual form in Latin letters, lower case, such as "yonatan".
        aliases: Other ways to write it, in Latin or Hebrew letters.
        patterns: Regular expressions that find it in a folded lot text.
    """

    form: str
    aliases: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendFrequencies:
    """How often rendered coins show each wording.

    Attributes:
        names: Spellings of the name, Hebrew letters without spaces.
        titles: Spellings of the title that follows it.
        councils: The end, "and the Council of the Jews", as far as it goes.
        layouts: Fraction of the legends that follow one of the layouts, 0..1. Others
            break their wording as an engraver does who fills a round field.
        head_of_council: Fraction of the legends with "head of the council", 0..1.
        greek_a: Fraction of the coins with a Greek A above the legend, 0..1.
    """

    names: Weighted
    titles: Weighted = HIGH_PRIEST
    councils: Weighted = COUNCIL
    layouts: float = 0.4
    head_of_council: float = 0.0
    greek_a: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """One ruler and the name on his coins.

    Attributes:
        key: The class name that models use.
        name: The usual English name.
        name_hebrew: The usual Hebrew name.
        name_on_coin: The name on the coin in Latin letters, as it is spoken.
        name_hebrew_on_coin: The name on the coin in square Hebrew letters.
        telling_letters: Keys of the letters in the name that the other names lack.
        reign_from: First year, BCE negative.
        reign_to: Last year, BCE negative.
        reign_note: What is uncertain about the years, and the source.
        tell_apart: One sentence: what distinguishes the name from the others.
        colour: The class's colour in charts, "#rrggbb".
        aliases: Other names of the ruler, as people write them.
        names_on_coin: The forms of the name on the coins, as people write them.
        label_words: The words by which lot texts name the ruler.
        layouts: Ways in which the legend breaks into lines.
        legend_frequencies: How often rendered coins show each wording.
        references: Catalogue numbers with their editions.
        attributions: Whose coins these are, by each school.
        class_logit_bias: Added to the logit of the class in the shipped models.
        default: Whether models trained on rendered coins have this class.
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
    colour: str
    label_words: LabelWords
    layouts: tuple[Layout, ...]
    legend_frequencies: LegendFrequencies
    aliases: tuple[str, ...] = ()
    names_on_coin: tuple[NameOnCoin, ...] = ()
    references: tuple[Reference, ...] = ()
    attributions: tuple[Attribution, ...] = ()
    class_logit_bias: float = 0.0
    default: bool = True

    def __post_init__(self) -> None:
        if not self.key.isidentifier() or self.key != self.key.lower():
            raise ValueError(f"a key is a lower-case word, got {self.key!r}")
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
        """The years of the reign, such as "135-104 BCE" (with an en dash)."""
        return f"{-self.reign_from}\N{EN DASH}{-self.reign_to} BCE"
