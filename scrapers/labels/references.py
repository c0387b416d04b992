"""Catalogue numbers in a lot text, and the coins that they stand for.

Numbers differ by edition, so each vote names one. Dealers sometimes cite wrongly: a
number is a vote and no proof. The numbers of each ruler are in `coin_core.rulers`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coin_core.rulers import RULERS

OTHER_TYPE: Final = "other type"
OTHER_RULER: Final = "other ruler"
_NEAR: Final = 14  # characters before a number


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueVote:
    """One cited number, its edition and what it stands for.

    Attributes:
        catalogue: "Hendin", "Meshorer" or "HGC".
        edition: "GBC4", "GBC5", "GBC6", "TJC", "AJC", "HGC 10"; "" if not stated.
        number: As cited.
        votes_for: A class key, "other type", "other ruler", or None if the number
            alone does not decide.
        start: Where the citation begins in the text, in characters.
        end: Where it ends.
    """

    catalogue: str
    edition: str
    number: str
    votes_for: str | None
    start: int
    end: int


_OTHERS: Final[dict[str, dict[str, Iterable[int | str]]]] = {
    OTHER_TYPE: {
        "GBC5": (1131, 1134, 1136, 1147, 1148, *range(1150, 1154)),
        "GBC6": (6195,),
        "GBC4": (467, 469, 471, 472),
        "TJC": tuple("chklmno"),
    },
    OTHER_RULER: {
        "GBC5": (1159, *range(1162, 1169)),
        "GBC6": (6201, 6203),
        "GBC4": (483,),
        "TJC": range(36, 43),
        "HGC 10": (650,),
    },
}
_VOTES: Final[dict[tuple[str, str], str]] = {
    **{
        (edition, str(number)): vote
        for vote, editions in _OTHERS.items()
        for edition, numbers in editions.items()
        for number in numbers
    },
    **{
        cited: ruler.key
        for ruler in RULERS.values()
        for cited in ruler.label_words.cited_numbers()
    },
}
"""Edition and number to what they vote for."""

_HENDIN: Final = re.compile(
    r"\b(?:hendin|gbc ?([3456])?)(?:[ ,-]|\(?gbc(?: ?[3456])?\)?|nos?\.?|#){0,12}"
    r"(\d{3,4})([a-z])?\b(?:[ ,(]*(?:gbc ?([3456])|([3456])(?:th|rd) ed))?"
)
_BETWEEN = r"\s?(?:[/&-]|\b(?:or|and|to|oder|und|bis|ou|et|o|e|u|y|или|и|או)\b)\s?"
# Another number of the same edition, without its name: "Hendin 1145 or 1133".
_MORE_HENDIN: Final = re.compile(
    rf"(?:{_BETWEEN}|[,;]\s?)(\d{{3,4}})([a-z])?\b(?![.,]\d)"
)
_MORE_TJC: Final = re.compile(rf"{_BETWEEN}([a-v])(\d{{0,2}})(?=\s?(?:[.,;:)/]|$))")
# Words by which the coin is only compared with a number, and a number in doubt.
_COMPARED: Final = re.compile(
    r"\b(?:cf|cp|vgl|confer|comp(?:are)?|see|siehe|voir|vedi|vease|ср|ראו?|השוו?)"
    r"\b[.: ]*$|\b(?:as|like|type|similar to|wie|comme|come|como) $"
)
_QUERIED: Final = re.compile(r"\s?\(?\?")
_TJC: Final = re.compile(
    r"\b(?:meshorer[ ,]*)?(?:tjc)[ ,]*(?:group |gruppe |type )?"
    r"(?!pl\b)(\d{2}|[a-v])(\d{0,2}[a-z]?)\b"
)
_AJC: Final = re.compile(
    r"\b(?:meshorer[ ,]*)?ajc\b[ ,]*(?:[i]{1,2},? )?(?:series )?(\w+)?"
)
_HGC: Final = re.compile(r"\bhgc 10[ ,]+(?:no\.? )?(\d{3})\b")


def find_references(folded: str) -> tuple[CatalogueVote, ...]:
    """The numbers cited in a folded text, in the order of the catalogues."""
    votes = []
    for match in _HENDIN.finditer(folded):
        key, stated = match[2], match[1] or match[4] or match[5]
        edition = f"GBC{stated}" if stated else _hendin_edition(int(key))
        number = key + (match[3] or "")
        votes.append(_vote("Hendin", edition, number, match, key))
        more = _MORE_HENDIN.match(folded, match.end())
        while more and edition and _hendin_edition(int(more[1])) == edition:
            number = more[1] + (more[2] or "")
            votes.append(_vote("Hendin", edition, number, more, more[1]))
            more = _MORE_HENDIN.match(folded, more.end())
    for match in _TJC.finditer(folded):
        number = (match[1] + match[2]).upper()
        votes.append(_vote("Meshorer", "TJC", number, match, match[1]))
        more = _MORE_TJC.match(folded, match.end())
        while more and not match[1].isdigit():
            number = (more[1] + more[2]).upper()
            votes.append(_vote("Meshorer", "TJC", number, more, more[1]))
            more = _MORE_TJC.match(folded, more.end())
    for match in _AJC.finditer(folded):
        # series of 1982 have letters too, which are not those of TJC
        votes.append(_vote("Meshorer", "AJC", match[1] or "", match))
    for match in _HGC.finditer(folded):
        votes.append(_vote("HGC", "HGC 10", match[1], match, match[1]))
    return tuple(votes)


def is_uncertain(folded: str, vote: CatalogueVote) -> bool:
    """Whether a number is only compared with, or queried: "cf. Hendin 1145?"."""
    before = _COMPARED.search(folded, max(0, vote.start - _NEAR), vote.start)
    return bool(before or _QUERIED.match(folded, vote.end))


def _vote(
    catalogue: str, edition: str, number: str, match: re.Match[str], key: str = ""
) -> CatalogueVote:
    return CatalogueVote(
        catalogue=catalogue,
        edition=edition,
        number=number,
        votes_for=_VOTES.get((edition, key)),
        start=match.start(),
        end=match.end(),
    )


def _hendin_edition(number: int) -> str:
    """Hendin's edition by the size of the number; the ranges do not overlap."""
    if 6100 <= number < 6400:
        return "GBC6"
    if 1131 <= number <= 1500:
        return "GBC5"
    return "GBC4" if 440 <= number <= 860 else ""
