"""The parts of a lot text: what describes the coin, and the note about anything else.

A heading and a description give ruler, denomination, both sides, catalogue numbers,
measures, grade and provenance. Long texts add a note, mostly behind and sometimes in
front: history, the dynasty, prices of antiquity, the seller. A note names other rulers
and other coins, so it says nothing about what is for sale.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scrapers.labels.patterns import CORNUCOPIA, OTHER_TYPES, WREATH
from scrapers.labels.references import OTHER_RULER

Span = tuple[int, int]

_BREAK: Final = re.compile(r"[.!?;](?:\s+|$)|\s(?:-{2,}|\*{2,})\s")
_LAST_WORD: Final = re.compile(r"([^\W\d_]+)\W*$")
_ROMAN: Final = re.compile(r"[ivx]+")
# Abbreviations of three letters or more whose full stop ends no sentence; grades of
# two letters do end one.
_ABBREVIATIONS: Final = frozenset(
    (
        *("obv", "rev", "anv", "vgl", "ref", "lot", "chr", "geb", "fig", "taf", "tav"),
        *("nos", "var", "est", "eds", "vol", "bzw", "usw", "etc", "approx"),
    )
)
_SHORT_GRADES: Final = frozenset(("vf", "ef", "xf", "ss", "vz", "tb", "bb", "bc"))

# Measures, grades and the names of the sides: only a description gives these.
_MEASURE: Final = re.compile(
    r"\b\d{1,2}(?:[.,]\d+)? ?(?:g|gr|gm|gms|grams?|gramm|grammes?|grammi|gramos"
    r"|mm|г|гр|мм|גרם|מ\"מ)\b|\bmm ?\d|\bgr?\. ?\d|\bweight\b|\bgewicht\b"
)
_GRADE: Final = re.compile(
    r"\b(?:(?:near|nearly|about|almost|good|choice|very|extremely|overall|fast|gutes"
    r"|superb) )*(?:(?:[acgn]{0,2}|g\.)(?:vf|ef|xf)|fine|vf/f|f-vf|vzgl|ss|vz|ttb|tb"
    r"|sup|bb|spl|mbc|ebc|(?<!\d )bc)\b\+?|\bsehr schon\b|\bvorzuglich\b|^\W*schon\b"
    r"|\bsuperbe\b|\bngc\b|\bgrade\b|\bcondition\b|\berhalten\b|\bconservazione\b"
    r"|\bсохранност\w*|\bמצב\b"
)
_SIDES: Final = re.compile(
    r"\b(?:obv(?:erse)?|ob|rev(?:erse)?|rv|rx|vs|rs|av(?:ers)?|anv(?:erso)?"
    r"|аверс|реверс|פנים|גב)\b[.:]|\b[rd]/"
)
_MINOR: Final = re.compile(
    r"\bpatina\w*|\bpatine\b|\bpatiniert\b|\bпатин\w*|\bsprue\b|\bflan\b|\bex (?!post)"
    r"|\bprovenance\b|\bprovenienz\b|\bprovenienza\b"
    r"|^\W*(?:from|aus|ancienne|vecchia|из|מאוסף)\b"
)
_DENOMINATION: Final = re.compile(
    r"\bprutah?\b|\bbronze?\w*\b|\bbronzo\b|\bbronce\b|\bae ?\d*\b|\bпрут[ауы]?\b"
    r"|\bбронз\w*|\bפרוטה\b|\bברונזה\b"
)
_DESIGNS: Final = (
    WREATH,
    CORNUCOPIA,
    *(one for name, one in OTHER_TYPES.items() if name != "widow's mite"),
)
# Prices and wages of antiquity.
_PRICES: Final = re.compile(
    r"\b(?:cost|loaf|bread|wages?|labourer|denari\w*|quadrans|kostete|brot|tagelohner"
    r"|temple tax|tempelsteuer|taxe du temple|tassa del tempio|impuesto del templo"
    r"|denar|quadrant|pain|denier|coutait|pane|costava|denaro|pan|costaba|denario)\b"
    r"|\bхлеб\w*|\bбуханк\w*|\bденари\w*|כיכר|דינר"
)
_HOUSE: Final = re.compile(
    r"\b(?:we|our|us|your?|shipping|payment|invoice|bidders?|buyers?|refund\w*"
    r"|certificate|versand|expedition|pagamento|envio|wir|unsere?)\b"
)
_ISSUER: Final = re.compile(
    r"\b(?:issuer|ruler|authority|person|munzherr|herrscher|pragherr|autorite"
    r"|souverain|emetteur|autorita(?: emittente)?|emittente|autoridad|emisor|эмитент"
    r"|правитель|מושל|שליט) ?:"
)
_SHARE: Final = re.compile(
    r"\b(?:share this|sharing options|teilen|partager|condividi|compartir"
    r"|поделиться|שתפו)\b"
)
# Sentences of at most so many words belong to the description: before a catalogue
# number or grade is given, and behind it ("Scarce.").
_SHORT: Final = 5
_SHORT_BEHIND: Final = 3
_MANY_RULERS: Final = 3
# A heading is one of the first sentences, and short.
_HEADING: Final = 3
_HEADING_WORDS: Final = 12
# "TJC A." ends a sentence although it ends in a single letter.
_NEAR: Final = 200  # characters before a full stop in which its word is looked for
_CITED_LETTER: Final = re.compile(r"\b(?:tjc|group|gruppe|groupe|gruppo)[ ,]+[a-v]$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A folded text, split; each part is as long as the text, the others blanked.

    Attributes:
        description: The heading and the description of the coin.
        claims: The sentences of the description that name a ruler, or are short.
        note: All the rest; blank if the text has no note.
    """

    description: str
    claims: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """One sentence and what it shows.

    Attributes:
        span: Start and end in the text.
        words: How many words it has.
        facts: How many kinds of facts it gives: a catalogue number, a measure, a
            side, a grade.
        design: Whether it describes what is on the coin; a note may as well.
        cites: Whether it cites a catalogue number.
        graded: Whether it grades the coin.
        rulers: The rulers that it names.
        minor: Whether it describes surface, flan or provenance.
        names_coin: Whether it gives a denomination or metal.
        history: Whether it gives prices, or lists rulers.
        house: Whether it speaks of the seller and the buyer.
        issuer: Whether it is the field of a record that names the issuer.
    """

    span: Span
    words: int
    facts: int
    design: bool
    cites: bool
    graded: bool
    rulers: frozenset[str]
    minor: bool
    names_coin: bool
    history: bool
    house: bool
    issuer: bool


def split_parts(
    folded: str, cited: Sequence[Span], named: Sequence[tuple[int, int, str]]
) -> Parts:
    """Separate the description of a lot text from its note.

    Args:
        folded: As `scrapers.labels.reader.fold` returns it.
        cited: Where catalogue numbers are cited, as (start, end).
        named: Where rulers are named, as (start, end, key).
    """
    sentences = [
        _describe(folded, span, cited, named) for span in _find_sentences(folded)
    ]
    lead = _find_lead(sentences)
    subject = sentences[lead].rulers if sentences else frozenset()
    description, claims = [" "] * len(folded), [" "] * len(folded)
    note = [" "] * len(folded)
    described, closed, in_note = False, False, False
    for number, one in enumerate(sentences):
        others = bool(one.rulers - subject) and bool(subject)
        facts = one.facts + (one.design and not closed)
        if number < lead:
            belongs = one.words <= 2 * _SHORT and not one.history and not one.house
        elif number == lead:
            belongs = True
        elif one.history or (others and facts < 2):
            belongs = False
        elif in_note:
            belongs = facts > 1 or (facts == 1 and one.words <= 12)
        elif one.house and described and not facts:
            belongs = False
        else:
            belongs = (
                not described
                or facts > 0
                or (one.minor and one.words <= 18)
                or one.words <= (_SHORT_BEHIND if closed else _SHORT)
            )
        if _SHARE.search(folded, *one.span):
            belongs = False
        start, end = one.span
        for part in (description,) if belongs else (note,):
            part[start:end] = folded[start:end]
        if belongs and (one.rulers or one.words <= 2 * _SHORT):
            claims[start:end] = folded[start:end]
        if number >= lead:
            described |= facts > 0
            closed |= number > lead and (one.cites or one.graded)
            in_note |= closed and not belongs
    return Parts(
        description="".join(description), claims="".join(claims), note="".join(note)
    )


def _find_lead(sentences: Sequence[_Sentence]) -> int:
    """The sentence that says whose coin is for sale: a heading, or one with facts."""
    for number, one in enumerate(sentences):
        short = number < _HEADING and one.words <= _HEADING_WORDS
        heads = (short or one.issuer) and not any(
            OTHER_RULER in key for key in one.rulers
        )
        told = heads or one.names_coin or one.facts
        if told and len(one.rulers) == 1 and not one.history:
            return number
    return 0


def _describe(
    folded: str,
    span: Span,
    cited: Sequence[Span],
    named: Sequence[tuple[int, int, str]],
) -> _Sentence:
    start, end = span
    sentence = folded[start:end]
    words = len(sentence.split())
    rulers = frozenset(key for low, _, key in named if start <= low < end)
    cites = any(start <= low < end for low, _ in cited)
    # Grades are short; in a long sentence "fine" is an ordinary word.
    graded = words <= 14 and bool(_GRADE.search(sentence))
    facts = (
        cites,
        bool(_MEASURE.search(sentence)),
        bool(_SIDES.search(sentence)),
        graded,
    )
    return _Sentence(
        span=span,
        words=words,
        facts=sum(facts),
        design=any(one.search(sentence) for one in _DESIGNS),
        cites=cites,
        graded=graded,
        rulers=rulers,
        minor=bool(_MINOR.search(sentence)),
        names_coin=bool(_DENOMINATION.search(sentence)),
        history=len(rulers) >= _MANY_RULERS or bool(_PRICES.search(sentence)),
        house=bool(_HOUSE.search(sentence)),
        issuer=bool(_ISSUER.search(sentence)),
    )


def _find_sentences(folded: str) -> list[Span]:
    """Where the sentences of a text begin and end."""
    spans, start = [], 0
    for match in _BREAK.finditer(folded):
        if match[0].startswith("."):
            near = max(start, match.start() - _NEAR)
            word = _LAST_WORD.search(folded, near, match.start())
            last = word[1] if word and word.end() == match.start() else ""
            short = last and (len(last) < 3 or last in _ABBREVIATIONS)
            if _CITED_LETTER.search(folded, near, match.start()):
                short = False
            elif _ROMAN.fullmatch(last):
                short = True
            if short and last not in _SHORT_GRADES:
                continue
        spans.append((start, match.end()))
        start = match.end()
    if start < len(folded):
        spans.append((start, len(folded)))
    return spans
