"""From the text of a lot to the name on the coin and the ruler, with the evidence.

The rules have the order of a numismatist's: what is no single genuine coin is
rejected; other rulers and other types are named as such; then the explicit name, the
catalogue numbers as votes, and the legend as transliterated decide. Where these
disagree, or the text itself is in doubt, the outcome is `AMBIGUOUS` and a person
decides. Words about another coin ("overstruck on an anchor", "son of John Hyrcanus")
are ignored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coin_core.rulers import RULERS, label_words
from scrapers.labels import patterns
from scrapers.labels.parts import split_parts
from scrapers.labels.references import (
    OTHER_RULER,
    OTHER_TYPE,
    CatalogueVote,
    find_references,
    is_uncertain,
)
from scrapers.labels.rejections import (
    DENIED_BEFORE,
    DENIED_BEHIND,
    DOUBT,
    NEGATED,
    NOTE_DOUBT,
    PRECIOUS,
    PROVENANCE,
    REJECTIONS,
)


class Outcome(StrEnum):
    """What a lot text states about its coin."""

    NAMED = "named"
    OTHER = "other"
    REJECTED = "rejected"
    AMBIGUOUS = "ambiguous"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Words that a rule matched.

    Attributes:
        rule: Name of the rule, such as "name" or "several coins".
        words: The words as in the text.
        start: Where they begin in the text, in characters.
        end: Where they end.
        speaks_for: The class key, name on the coin or kind of coin that they support.
    """

    rule: str
    words: str
    start: int
    end: int
    speaks_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LotLabel:
    """The label of a lot text, and why.

    Attributes:
        outcome: Only `NAMED` gives a class.
        ruler: The class key, or None.
        name_on_coin: "yehohanan", "yehudah", "yehonatan", "yonatan", or None if the
            text does not give the spelling.
        rule: The rule that decided.
        authority: The source of the attribution: the edition cited, or "lot text".
        evidence: All matches, in the order of the rules.
        references: The catalogue numbers cited.
    """

    outcome: Outcome
    ruler: str | None = None
    name_on_coin: str | None = None
    rule: str
    authority: str = "lot text"
    evidence: tuple[Evidence, ...] = ()
    references: tuple[CatalogueVote, ...] = ()


class _RulerPatterns:
    """The compiled words of one ruler."""

    def __init__(self, key: str) -> None:
        words = RULERS[key].label_words
        self.key = key
        self.name = re.compile(words.name)
        self.full_name = re.compile(words.full_name)
        self.namesake = words.namesake.key if words.namesake else ""
        self.namesake_reign = re.compile(words.namesake.reign if words.namesake else "")
        self.legends = tuple(
            (one.form, patterns.compile_all(*one.patterns))
            for one in RULERS[key].names_on_coin
        )


_RULERS: Final = tuple(map(_RulerPatterns, RULERS))
_TARGETS: Final = frozenset(RULERS)
_NAMESAKES: Final = frozenset(one.namesake for one in _RULERS if one.namesake)
_REIGNS: Final = {
    **{key: re.compile(one.label_words.reign) for key, one in RULERS.items()},
    **{one.namesake: one.namesake_reign for one in _RULERS if one.namesake},
    OTHER_RULER: patterns.LATER_REIGN,
}
_NEAR: Final = 14  # characters
_CLAUSE: Final = 60  # characters in which a name is denied
_LONGEST: Final = 20_000  # no lot text is longer
_PLAIN: Final = str.maketrans(
    {
        **{"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "і": "i", "І": "i"},
        **dict.fromkeys("’‘ʼʾʿ׳`´", "'"),
        **dict.fromkeys("“”„«»״", '"'),
        **dict.fromkeys("–—‐‑−־", "-"),
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


def read_label(text: str) -> LotLabel:
    """Read the ruler and the name on the coin from the text of a lot.

    Args:
        text: Title and description, in any of the seven languages, without markup;
            only the first 20,000 characters are read.

    Returns:
        The label with its evidence; a class only if nothing contradicts it.
    """
    return _Reader(text[:_LONGEST]).read()


class _Reader:
    """Reads one text.

    Attributes:
        text: The text.
        folded: The folded text.
        without_asides: The description, words about other coins blanked.
        claims: Its sentences that name a ruler, or are short.
        without_undertype: The same, words about the coin struck over blanked.
        without_provenance: The description, words about earlier purchases blanked.
            "Collection of 6" is an aside, but tells that several coins are sold.
        genuine: Without "no copy" and the like.
        note: What the text says beside the description.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded, self.places = fold(text)
        cited = find_references(self.folded)
        without_asides = self.folded
        for aside in patterns.ASIDES:
            without_asides = aside.sub(_blank, without_asides)
        parts = split_parts(
            self.folded,
            [(one.start, one.end) for one in cited],
            list(_find_named(without_asides)),
        )
        self.note = parts.note
        self.without_asides = _keep(without_asides, parts.description)
        self.claims = _keep(without_asides, parts.claims)
        struck_over = patterns.OVERSTRIKE.sub(_blank, self.folded)
        for match in patterns.UNDERTYPE.finditer(self.folded):
            struck_over = _blank_sentence(struck_over, *match.span())
        self.without_undertype = _keep(self.without_asides, struck_over)
        self.without_provenance = parts.description
        for aside in (PROVENANCE, NEGATED, patterns.OTHER_FIELDS):
            self.without_provenance = aside.sub(_blank, self.without_provenance)
        self.genuine = NEGATED.sub(_blank, self.without_asides)
        self.references = tuple(
            one for one in cited if self.without_asides[one.start : one.end].strip()
        )
        self.evidence: list[Evidence] = []
        self.doubted = False

    def read(self) -> LotLabel:
        outcome, ruler, rule = self._decide()
        names = {one.speaks_for for one in self.evidence if one.rule == "legend"}
        editions = [one.edition for one in self.references if one.edition]
        return LotLabel(
            outcome=outcome,
            ruler=ruler,
            name_on_coin=names.pop() if len(names) == 1 else None,
            rule=rule,
            authority=editions[0] if editions else "lot text",
            evidence=tuple(self.evidence),
            references=self.references,
        )

    def _decide(self) -> tuple[Outcome, str | None, str]:
        for rule, pattern in REJECTIONS.items():
            several = rule == "several coins"
            text = self.without_provenance if several else self.genuine
            if self._search(rule, pattern, "rejected", text):
                return Outcome.REJECTED, None, rule
        named, weak = self._find_names()
        legends = {
            ruler.key
            for ruler in _RULERS
            for form, spellings in ruler.legends
            for spelling in spellings
            if self._search("legend", spelling, form)
        }
        others = named - _TARGETS
        for start, end in self._find_other_rulers():
            self._note("other ruler", start, end, OTHER_RULER)
            others.add(OTHER_RULER)
        types = [
            name
            for name, pattern in patterns.OTHER_TYPES.items()
            if self._search("other type", pattern, name, self.without_undertype)
        ]
        votes = {one.votes_for for one in self.references if one.votes_for}
        for vote in self.references:
            if vote.votes_for:
                self._note("reference", vote.start, vote.end, vote.votes_for)
                self.doubted |= self._is_denied(vote.start, vote.end)
        dates = {key for key, one in _REIGNS.items() if self._search("dates", one, key)}
        is_priestly = self._describes_priestly_coin()
        targets = (named & _TARGETS) | legends
        if is_priestly:
            # a priestly coin by its design; dealers call these widow's mites too
            types = [name for name in types if name != "widow's mite"]
        anything = bool(targets or others or weak or votes)
        if types and anything and not is_priestly:
            return Outcome.OTHER, None, "other type"
        if OTHER_RULER in others and not (targets or weak or votes & _TARGETS):
            return Outcome.OTHER, None, "other ruler"
        if (
            self.doubted
            or len(targets) > 1
            or (anything and self._search("doubt", DOUBT, "doubt", self.claims))
            or (anything and self._search("doubt", NOTE_DOUBT, "doubt", self.note))
            or (
                anything
                and self._search("metal", PRECIOUS, "precious metal", self.claims)
            )
        ):
            return Outcome.AMBIGUOUS, None, "rulers in doubt"
        if others:
            return _decide_other_ruler(others, targets, votes)
        if types or OTHER_TYPE in votes:
            if is_priestly and targets and "lily" not in types:
                return Outcome.AMBIGUOUS, None, "type in doubt"
            if not anything and not dates:
                return Outcome.UNLABELLED, None, "no ruler named"
            return Outcome.OTHER, None, "other type"
        if OTHER_RULER in votes:
            return _decide_other_ruler({OTHER_RULER}, targets, votes)
        return self._decide_target(targets, weak, votes & _TARGETS, dates, is_priestly)

    def _decide_target(
        self,
        targets: set[str],
        weak: set[str],
        votes: set[str],
        dates: set[str],
        is_priestly: bool,
    ) -> tuple[Outcome, str | None, str]:
        by_name = any(one.rule == "name" for one in self.evidence)
        rule = "name" if by_name else "legend"
        if not targets and any(
            is_uncertain(self.folded, one)
            for one in self.references
            if one.votes_for in _TARGETS
        ):
            return Outcome.AMBIGUOUS, None, "reference in doubt"
        if not targets and weak:
            targets, rule = weak & (votes | dates), "name without numeral"
            if len(targets) != 1:
                return Outcome.AMBIGUOUS, None, rule
        if not targets and votes:
            targets, rule = votes, "reference"
        if not targets:
            return Outcome.UNLABELLED, None, "no ruler named"
        if len(targets) > 1 or (votes and votes != targets):
            return Outcome.AMBIGUOUS, None, "reference in doubt"
        if dates and not dates & targets:
            return Outcome.AMBIGUOUS, None, "dates in doubt"
        if self._search("denomination", patterns.MORE_PRUTOT, "several prutot"):
            return Outcome.AMBIGUOUS, None, "denomination in doubt"
        half = self._search("denomination", patterns.HALF_OR_DOUBLE, "half or double")
        if half and not is_priestly:
            return Outcome.AMBIGUOUS, None, "denomination in doubt"
        return Outcome.NAMED, next(iter(targets)), rule

    def _find_names(self) -> tuple[set[str], set[str]]:
        """Rulers named, and rulers named without the numeral or first name needed."""
        named, weak = set[str](), set[str]()
        text = self.without_asides
        for ruler in _RULERS:
            for match in ruler.name.finditer(text):
                start, end, key, rule = match.start(), match.end(), ruler.key, "name"
                if ruler.namesake:
                    numeral = label_words.NUMERAL.match(text, end)
                    end = numeral.end() if numeral else end
                    self.doubted |= bool(label_words.OR_LATER.match(text, end))
                    late = ruler.namesake_reign.search(text) is not None
                    if (numeral and numeral[1]) or (not numeral and late):
                        key, rule = ruler.namesake, "other ruler"
                    elif not numeral and not ruler.full_name.search(text, start, end):
                        rule = "name without numeral"
                self.doubted |= self._is_doubted(start, end)
                (weak if rule == "name without numeral" else named).add(key)
                self._note(rule, start, end, key)
        return named, weak

    def _find_other_rulers(self) -> Iterator[tuple[int, int]]:
        """Where rulers are named that have no entry in `coin_core.rulers`."""
        text = self.without_asides
        known = [one.span() for ruler in _RULERS for one in ruler.name.finditer(text)]
        for pattern in patterns.OTHER_RULERS:
            for start, end in (match.span() for match in pattern.finditer(text)):
                if not any(low <= start and end <= high for low, high in known):
                    yield start, end
                    break

    def _search(
        self,
        rule: str,
        pattern: re.Pattern[str],
        speaks_for: str,
        text: str | None = None,
    ) -> bool:
        """Whether a pattern matches; the match becomes evidence."""
        match = pattern.search(self.without_asides if text is None else text)
        if match:
            self._note(rule, match.start(), match.end(), speaks_for)
            if rule == "legend":
                self.doubted |= self._is_doubted(*match.span())
        return match is not None

    def _note(self, rule: str, start: int, end: int, speaks_for: str) -> None:
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

    def _describes_priestly_coin(self) -> bool:
        """Whether the legend in the wreath and the cornucopias are described."""
        text = self.without_asides
        legend = patterns.WREATH.search(text) or patterns.PRIESTLY.search(text)
        return bool(legend and patterns.CORNUCOPIA.search(text))

    def _is_alternative(self, start: int, end: int) -> bool:
        """Whether "or" is next to a name."""
        before = self.without_asides[max(0, start - _NEAR) : start]
        after = self.without_asides[end : end + _NEAR]
        near = patterns.OR_NEAR
        return bool(near.search(before) or near.search(after))

    def _is_doubted(self, start: int, end: int) -> bool:
        """Whether a name is queried, one of two, or denied."""
        return (
            self._is_queried(start, end)
            or self._is_alternative(start, end)
            or self._is_denied(start, end)
        )

    def _is_queried(self, start: int, end: int) -> bool:
        """Whether a question mark is next to a name or number."""
        text = self.without_asides
        before = patterns.QUERY_BEFORE.search(text, max(0, start - _NEAR), start)
        return bool(before or patterns.QUERY.match(text, end))

    def _is_denied(self, start: int, end: int) -> bool:
        """Whether a name or number is denied in its own clause."""
        before = self.without_asides[max(0, start - _CLAUSE) : start]
        behind = self.without_asides[end : end + _CLAUSE]
        return bool(DENIED_BEFORE.search(before) or DENIED_BEHIND.match(behind))


def _find_named(text: str) -> Iterator[tuple[int, int, str]]:
    """Where a text names rulers, with a key for each: start, end, key."""
    for ruler in _RULERS:
        for match in ruler.name.finditer(text):
            numeral = label_words.NUMERAL.match(text, match.end())
            later = ruler.namesake and numeral and numeral[1]
            yield match.start(), match.end(), ruler.namesake if later else ruler.key
    for number, pattern in enumerate(patterns.OTHER_RULERS):
        for match in pattern.finditer(text):
            yield match.start(), match.end(), f"{OTHER_RULER} {number}"


def _keep(text: str, part: str) -> str:
    """A text with everything blanked that is blank in a part of it."""
    return "".join(
        letter if kept != " " else " " for letter, kept in zip(text, part, strict=True)
    )


def _blank_sentence(text: str, start: int, end: int) -> str:
    """A text with the clause around some words blanked."""
    first = max(text.rfind(mark, 0, start) for mark in ".;") + 1
    last = min(at if (at := text.find(mark, end)) >= 0 else len(text) for mark in ".;")
    return text[:first] + " " * (last - first) + text[last:]


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _decide_other_ruler(
    others: set[str], targets: set[str], votes: set[str]
) -> tuple[Outcome, str | None, str]:
    """Another ruler is named; if a target is named too, a person decides."""
    if targets or votes & _TARGETS:
        # older schools give the coins that name Yehohanan to Hyrcanus II
        school = others <= _NAMESAKES
        return (
            Outcome.AMBIGUOUS,
            None,
            "attribution school" if school else "rulers in doubt",
        )
    return Outcome.OTHER, None, "other ruler"
