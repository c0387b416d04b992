"""Numbers of catalogues in a lot text, and for which coins they vote.

Numbers differ by edition, so a vote always names one. Dealers cite wrongly now and
then: a number is a vote and not a proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

HYRCANUS: Final = "john_hyrcanus_i"
ARISTOBULUS: Final = "judah_aristobulus_i"
JANNAEUS: Final = "alexander_jannaeus"
OTHER_TYPE: Final = "other type"
OTHER_RULER: Final = "other ruler"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueVote:
    """One cited number: its edition and what it stands for.

    Attributes:
        catalogue: "Hendin", "Meshorer" or "HGC".
        edition: "GBC4", "GBC5", "GBC6", "TJC", "AJC", "HGC 10"; empty if not told.
        number: As cited.
        votes_for: A class key, "other type", "other ruler", or None where the
            number alone does not tell.
        start: Where the citation begins in the text, in characters.
        end: Where it ends.
    """

    catalogue: str
    edition: str
    number: str
    votes_for: str | None
    start: int
    end: int


def _span(first: int, last: int, meaning: str) -> dict[str, str]:
    return {str(number): meaning for number in range(first, last + 1)}


_MEANING: Final[dict[str, dict[str, str]]] = {
    "GBC5": {
        "1131": OTHER_TYPE,
        **_span(1132, 1133, HYRCANUS),
        "1134": OTHER_TYPE,
        "1135": HYRCANUS,
        "1136": OTHER_TYPE,
        **_span(1137, 1141, HYRCANUS),
        **_span(1142, 1143, ARISTOBULUS),
        **_span(1144, 1146, JANNAEUS),
        **_span(1147, 1148, OTHER_TYPE),
        "1149": JANNAEUS,
        **_span(1150, 1153, OTHER_TYPE),
        "1159": OTHER_RULER,
        **_span(1162, 1168, OTHER_RULER),
    },
    "GBC6": {
        "6181": JANNAEUS,
        "6195": OTHER_TYPE,
        "6201": OTHER_RULER,
        "6203": OTHER_RULER,
    },
    "GBC4": {
        "452": HYRCANUS,
        "465": ARISTOBULUS,
        "467": OTHER_TYPE,
        "469": OTHER_TYPE,
        "471": OTHER_TYPE,
        "472": OTHER_TYPE,
        **_span(473, 475, JANNAEUS),
        "483": OTHER_RULER,
    },
    "TJC": {
        **dict.fromkeys("abdefgij", HYRCANUS),
        **dict.fromkeys("chklmno", OTHER_TYPE),
        # S is given to Hyrcanus II by some, so it does not vote.
        **dict.fromkeys("pqrt", JANNAEUS),
        **dict.fromkeys("uv", ARISTOBULUS),
        **_span(36, 42, OTHER_RULER),
    },
    "HGC 10": {"650": OTHER_RULER},
}

_CITED: Final = (
    (
        "Hendin",
        re.compile(
            r"\b(?:hendin|gbc ?([3456])?)(?:[ ,-]|\(?gbc ?[3456]?\)?|nos?\.?|#)*"
            r"(\d{3,4})([a-z])?\b(?:[ ,(]*(?:gbc ?([3456])|([3456])(?:th|rd) ed))?"
        ),
    ),
    (
        "Meshorer",
        re.compile(
            r"\b(?:meshorer[ ,]*)?(?:tjc)[ ,]*(?:group |gruppe |type )?"
            r"(\d{2}|[a-v])(\d{0,2}[a-z]?)\b"
        ),
    ),
    (
        "Meshorer AJC",
        re.compile(r"\b(?:meshorer[ ,]*)?ajc\b[ ,]*(?:[i]{1,2},? )?(?:series )?(\w+)?"),
    ),
    ("HGC", re.compile(r"\bhgc 10[ ,]+(?:no\.? )?(\d{3})\b")),
)


def find_references(folded: str) -> tuple[CatalogueVote, ...]:
    """The numbers cited in a folded text, in the order of the catalogues."""
    return tuple(
        _read(catalogue, match)
        for catalogue, pattern in _CITED
        for match in pattern.finditer(folded)
    )


def _read(catalogue: str, match: re.Match[str]) -> CatalogueVote:
    where = {"start": match.start(), "end": match.end()}
    if catalogue == "Meshorer AJC":
        # The series of 1982 bear letters too, which are not those of TJC.
        return CatalogueVote(
            catalogue="Meshorer",
            edition="AJC",
            number=match[1] or "",
            votes_for=None,
            **where,
        )
    if catalogue == "Meshorer":
        key, edition, number = match[1], "TJC", match[1] + match[2]
    elif catalogue == "HGC":
        key, edition, number = match[1], "HGC 10", match[1]
    else:
        key, number = match[2], match[2] + (match[3] or "")
        told = match[1] or match[4] or match[5]
        edition = f"GBC{told}" if told else _edition_of(key)
    return CatalogueVote(
        catalogue=catalogue,
        edition=edition,
        number=number.upper() if edition == "TJC" else number,
        votes_for=_MEANING.get(edition, {}).get(key),
        **where,
    )


def _edition_of(number: str) -> str:
    """Hendin's edition by the size of the number; its ranges do not overlap."""
    value = int(number)
    if 6100 <= value < 6400:
        return "GBC6"
    if 1131 <= value <= 1500:
        return "GBC5"
    return "GBC4" if 440 <= value <= 860 else ""
