"""From the text of a lot to the name on the coin and the ruler, with the evidence.

The precedence is a numismatist's: what is no single genuine coin is rejected; other
rulers and other types are named as such; then the explicit name, the references as
votes, and the legend as transliterated. Where these disagree, or the text itself
doubts, the answer is `AMBIGUOUS` and a person decides. What is said of another coin
("overstruck on an anchor", "son of John Hyrcanus") is not read.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scrapers.labels import patterns as words
from scrapers.labels import rejections as refusals
from scrapers.labels.references import (
    ARISTOBULUS,
    HYRCANUS,
    JANNAEUS,
    OTHER_RULER,
    OTHER_TYPE,
    CatalogueVote,
    find_references,
)

__all__ = ["CatalogueVote", "Evidence", "LotLabel", "Outcome", "fold", "read_label"]


class Outcome(StrEnum):
    """What a lot text says of its coin."""

    NAMED = "named"
    OTHER = "other"
    REJECTED = "rejected"
    AMBIGUOUS = "ambiguous"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The words that a rule matched.

    Attributes:
        rule: The rule's name, such as "name" or "several coins".
        words: The matched words as they stand in the text.
        start: Where they begin in the text, in characters.
        end: Where they end.
        speaks_for: The class key, name on coin or kind of coin that they tell.
    """

    rule: str
    words: str
    start: int
    end: int
    speaks_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLabel:
    """What a lot text tells, and why.

    Attributes:
        outcome: Whether a class is told; only `NAMED` gives one.
        ruler: The class key, or None.
        name_on_coin: "yehohanan", "yehudah", "yehonatan", "yonatan", or None where
            the text does not tell the spelling.
        rule: The rule that decided.
        authority: Whom the attribution follows: the edition cited, or "lot text".
        evidence: Everything that was matched, in the order of the rules.
        references: The catalogue numbers cited.
    """

    outcome: Outcome
    ruler: str | None = None
    name_on_coin: str | None = None
    rule: str
    authority: str = "lot text"
    evidence: tuple[Evidence, ...] = ()
    references: tuple[CatalogueVote, ...] = ()


HYRCANUS_II: Final = "hyrcanus_ii"
ARISTOBULUS_II: Final = "aristobulus_ii"
_TARGETS: Final = {HYRCANUS, ARISTOBULUS, JANNAEUS}
_RULER_OF_NAME: Final = {
    "yehohanan": HYRCANUS,
    "yehudah": ARISTOBULUS,
    "yehonatan": JANNAEUS,
    "yonatan": JANNAEUS,
}
_REJECTS: Final = (
    ("several coins", re.compile(refusals.SEVERAL)),
    ("not genuine", re.compile(refusals.NOT_GENUINE)),
    ("mounted", re.compile(refusals.MOUNTED)),
    ("literature", re.compile(refusals.LITERATURE)),
)
_ASIDES: Final = words.compile_all(words.ASIDES)
_OTHERS: Final = words.compile_all(words.OTHER_RULERS)
_TYPES: Final = {name: re.compile(one) for name, one in words.OTHER_TYPES.items()}
_LEGENDS: Final = {
    name: words.compile_all(patterns) for name, patterns in words.NAMES_ON_COIN.items()
}
_REIGNS: Final = {key: re.compile(one) for key, one in words.REIGNS.items()}
_JANNAEUS: Final = re.compile(words.JANNAEUS)
_NUMBERED: Final = (
    (
        HYRCANUS,
        HYRCANUS_II,
        re.compile(words.HYRCANUS),
        re.compile(words.JOHN_HYRCANUS),
    ),
    (
        ARISTOBULUS,
        ARISTOBULUS_II,
        re.compile(words.ARISTOBULUS),
        re.compile(words.JUDAH_ARISTOBULUS),
    ),
)
_NUMERAL: Final = re.compile(rf"[\s,]*(?:({words.FIRST})|({words.LATER}))")
_OR_LATER: Final = re.compile(rf"\.?{words.OR}(?:{words.LATER})")
_OR_NEAR: Final = re.compile(words.OR_NEAR)
_NEAR: Final = 14  # characters
_LONGEST: Final = 20_000  # what is longer is no lot text
_QUERY: Final = re.compile(r"\.?\s*\(?\?")
_DOUBT: Final = re.compile(refusals.DOUBT)
_PRECIOUS: Final = re.compile(refusals.PRECIOUS)
_PROVENANCE: Final = re.compile(refusals.PROVENANCE)
_WREATH: Final = re.compile(words.WREATH)
_CORNUCOPIA: Final = re.compile(words.CORNUCOPIA)
_PRIESTLY: Final = re.compile(words.PRIESTLY)
_ODD_DENOMINATION: Final = re.compile(words.HALF_OR_DOUBLE)
_MORE_PRUTOT: Final = re.compile(words.MORE_PRUTOT)
_PLAIN: Final = str.maketrans(
    {
        **{"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "і": "i", "І": "i"},
        **dict.fromkeys("’‘ʼʾʿ׳`´", "'"),
        **dict.fromkeys("“”„«»״", '"'),
        **dict.fromkeys("–—‐‑−", "-"),
    }
)


def fold(text: str) -> tuple[str, tuple[int, ...]]:
    """Lower case without accents, vowel points and typographic signs.

    Returns:
        The folded text, and for each of its characters the place in `text` that it
        comes from.
    """
    folded: list[str] = []
    places: list[int] = []
    for place, letter in enumerate(text):
        plain = unicodedata.normalize("NFKD", letter.translate(_PLAIN)).casefold()
        for one in plain:
            if not unicodedata.combining(one):
                folded.append(" " if one.isspace() else one)
                places.append(place)
    return "".join(folded), tuple(places)


class _Reader:
    """One text being read: what the patterns matched so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.whole, self.places = fold(text)
        # several coins are told by what is an aside elsewhere: "collection of 6"
        self.sold = _PROVENANCE.sub(_blank, self.whole)
        self.plain = self.whole
        for aside in _ASIDES:
            self.plain = aside.sub(_blank, self.plain)
        self.evidence: list[Evidence] = []
        self.doubted = False

    def note(self, rule: str, start: int, end: int, speaks_for: str) -> None:
        first, last = self.places[start], self.places[end - 1] + 1
        self.evidence.append(
            Evidence(
                rule=rule,
                words=self.text[first:last].strip(),
                start=first,
                end=last,
                speaks_for=speaks_for,
            )
        )

    def seek(
        self,
        rule: str,
        pattern: re.Pattern[str],
        speaks_for: str,
        *,
        sold: bool = False,
    ) -> bool:
        match = pattern.search(self.sold if sold else self.plain)
        if match:
            self.note(rule, match.start(), match.end(), speaks_for)
            self.doubted |= rule == "legend" and self.in_choice(*match.span())
        return match is not None

    def in_wreath(self) -> bool:
        """Whether the text describes a priestly coin: its legend and the horns."""
        legend = _WREATH.search(self.plain) or _PRIESTLY.search(self.plain)
        return bool(legend and _CORNUCOPIA.search(self.plain))

    def in_choice(self, start: int, end: int) -> bool:
        """Whether "or" stands beside a name."""
        before = self.plain[max(0, start - _NEAR) : start]
        after = self.plain[end : end + _NEAR]
        return bool(_OR_NEAR.search(before) or _OR_NEAR.search(after))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def read_label(text: str) -> LotLabel:
    """Read the ruler and the name on the coin from the text of a lot.

    Args:
        text: Title and description, in any of the seven languages, without markup;
            its first 20,000 characters are read.

    Returns:
        The label with its evidence; a class only where nothing speaks against it.
    """
    reader = _Reader(text[:_LONGEST])
    references = find_references(reader.whole)
    outcome, ruler, rule = _decide(reader, references)
    names = [one.speaks_for for one in reader.evidence if one.rule == "legend"]
    edition = next((one.edition for one in references if one.edition), "lot text")
    return LotLabel(
        outcome=outcome,
        ruler=ruler,
        name_on_coin=names[0] if len(set(names)) == 1 else None,
        rule=rule,
        authority=edition,
        evidence=tuple(reader.evidence),
        references=references,
    )


def _decide(
    reader: _Reader, references: tuple[CatalogueVote, ...]
) -> tuple[Outcome, str | None, str]:
    for rule, pattern in _REJECTS:
        if reader.seek(rule, pattern, "rejected", sold=rule == "several coins"):
            return Outcome.REJECTED, None, rule
    doubted, weak, named = _find_names(reader)
    legends = {
        _RULER_OF_NAME[name]
        for name, patterns in _LEGENDS.items()
        for pattern in patterns
        if reader.seek("legend", pattern, name)
    }
    others = named - _TARGETS
    for one in _OTHERS:
        if reader.seek("other ruler", one, OTHER_RULER):
            others.add(OTHER_RULER)
    types = [
        name for name, one in _TYPES.items() if reader.seek("other type", one, name)
    ]
    votes = {one.votes_for for one in references if one.votes_for}
    for vote in references:
        if vote.votes_for:
            reader.note("reference", vote.start, vote.end, vote.votes_for)
    dates = {key for key, one in _REIGNS.items() if reader.seek("dates", one, key)}
    in_wreath = reader.in_wreath()
    targets = (named & _TARGETS) | legends
    if in_wreath:
        # by its look a priestly coin; dealers call these widow's mites too
        types = [name for name in types if name != "widow's mite"]
    anything = bool(targets or others or weak or votes)
    if types and anything and not in_wreath:
        return Outcome.OTHER, None, "other type"
    if OTHER_RULER in others and not (targets or weak or votes & _TARGETS):
        return Outcome.OTHER, None, "other ruler"
    if (
        doubted
        or reader.doubted
        or len(targets) > 1
        or (anything and reader.seek("doubt", _DOUBT, "doubt"))
        or (anything and reader.seek("metal", _PRECIOUS, "precious metal"))
    ):
        return Outcome.AMBIGUOUS, None, "rulers in doubt"
    if others:
        return _among_others(others, targets, votes)
    if types or OTHER_TYPE in votes:
        if in_wreath and targets and "lily" not in types:
            return Outcome.AMBIGUOUS, None, "type in doubt"
        if not anything and not dates:
            return Outcome.UNLABELLED, None, "no ruler named"
        return Outcome.OTHER, None, "other type"
    if OTHER_RULER in votes:
        return _among_others({OTHER_RULER}, targets, votes)
    return _among_targets(reader, targets, weak, votes, dates, in_wreath)


def _among_others(
    others: set[str], targets: set[str], votes: set[str]
) -> tuple[Outcome, str | None, str]:
    """Another ruler is named; beside one of ours the text is for a person."""
    if targets or votes & _TARGETS:
        # Older schools give the coins that name Yehohanan to Hyrcanus II.
        school = others <= {HYRCANUS_II, ARISTOBULUS_II}
        return (
            Outcome.AMBIGUOUS,
            None,
            "attribution school" if school else "rulers in doubt",
        )
    return Outcome.OTHER, None, "other ruler"


def _among_targets(
    reader: _Reader,
    targets: set[str],
    weak: set[str],
    votes: set[str],
    dates: set[str],
    in_wreath: bool,
) -> tuple[Outcome, str | None, str]:
    votes = votes & _TARGETS
    rule = "name" if any(one.rule == "name" for one in reader.evidence) else "legend"
    if not targets and weak:
        supported = weak & (votes | dates)
        if len(supported) != 1:
            return Outcome.AMBIGUOUS, None, "name without numeral"
        targets, rule = supported, "name without numeral"
    if not targets and votes:
        targets, rule = votes, "reference"
    if not targets:
        return Outcome.UNLABELLED, None, "no ruler named"
    if len(targets) > 1 or (votes and votes != targets):
        return Outcome.AMBIGUOUS, None, "reference in doubt"
    if dates and not dates & targets:
        return Outcome.AMBIGUOUS, None, "dates in doubt"
    if reader.seek("denomination", _MORE_PRUTOT, "several prutot"):
        return Outcome.AMBIGUOUS, None, "denomination in doubt"
    if reader.seek("denomination", _ODD_DENOMINATION, "half or double") and not (
        in_wreath
    ):
        return Outcome.AMBIGUOUS, None, "denomination in doubt"
    return Outcome.NAMED, next(iter(targets)), rule


def _find_names(reader: _Reader) -> tuple[bool, set[str], set[str]]:
    """Doubt about a name, names without numeral or first name, and rulers named."""
    doubted, weak, named = False, set[str](), set[str]()
    text = reader.plain
    for first, second, pattern, full in _NUMBERED:
        for match in pattern.finditer(text):
            numeral = _NUMERAL.match(text, match.end())
            end = numeral.end() if numeral else match.end()
            doubted |= bool(_QUERY.match(text, end) or _OR_LATER.match(text, end))
            doubted |= reader.in_choice(match.start(), end)
            late = _REIGNS[second].search(text) is not None
            if (numeral and numeral[2]) or (not numeral and late):
                named.add(second)
                reader.note("other ruler", match.start(), end, second)
            elif numeral or full.search(text, match.start(), end):
                named.add(first)
                reader.note("name", match.start(), end, first)
            else:
                weak.add(first)
                reader.note("name without numeral", match.start(), end, first)
    for match in _JANNAEUS.finditer(text):
        named.add(JANNAEUS)
        doubted |= bool(_QUERY.match(text, match.end()))
        doubted |= reader.in_choice(*match.span())
        reader.note("name", match.start(), match.end(), JANNAEUS)
    return doubted, weak, named
