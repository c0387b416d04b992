"""The parts of a lot text: what describes the coin, and the note behind it.

A heading and a description come first: ruler, denomination, both sides, catalogue
numbers, measures, grade, provenance. Long texts add a note about history, the dynasty
or the house that sells. The note names other rulers, other coins and prices, so it
tells nothing about what is for sale.
"""

from __future__ import annotations

import re
from typing import Final

from scrapers.labels.patterns import CORNUCOPIA, OTHER_TYPES, WREATH

# Abbreviations whose full stop ends no sentence.
_ABBREVIATIONS: Final = frozenset(
    (
        *("obv", "rev", "anv", "vgl", "ref", "lot", "chr", "geb", "fig", "taf", "tav"),
        *("nos", "var", "est", "eds", "vol", "bzw", "usw", "etc", "approx"),
    )
)
_BREAK: Final = re.compile(r"[.!?;](?:\s+|$)|\s(?:-{2,}|\*{2,})\s")
_LAST_WORD: Final = re.compile(r"([^\W\d_]+)\W*$")

# A measure, a grade or one of the coin's sides: only a description gives these.
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
_SURFACE: Final = re.compile(
    r"\bpatina\w*|\bpatine\b|\bpatiniert\b|\bпатин\w*|\bsprue\b|\bflan\b"
)
_PROVENANCE: Final = re.compile(
    r"\bex (?!post)|\bprovenance\b|\bprovenienz\b|\bprovenienza\b|\bprovenance\b"
    r"|^\W*(?:from|aus|ancienne|vecchia|из|מאוסף)\b"
)
_DESIGNS: Final = (WREATH, CORNUCOPIA, *OTHER_TYPES.values())
# Sentences of at most so many words belong to the description: before a catalogue
# number or grade is given, and behind it ("Scarce.").
_NOTE_WORDS: Final = 5
_ASIDE_WORDS: Final = 3
# A sentence that names the seller or the reader is never about the coin.
_HOUSE: Final = re.compile(
    r"\b(?:we|our|us|your?|shipping|payment|invoice|bidders?|refund\w*|certificate"
    r"|versand|expedition|pagamento|wir|unsere?)\b"
)
_SHARE: Final = re.compile(
    r"\b(?:share this|sharing options|teilen|partager|condividi|compartir"
    r"|поделиться|שתפו)\b"
)


def split_parts(folded: str, cited: tuple[tuple[int, int], ...]) -> tuple[str, str]:
    """Separate the description of a folded text from its note.

    Args:
        folded: As `scrapers.labels.reader.fold` returns it.
        cited: Where catalogue numbers are cited, as (start, end).

    Returns:
        The text with the note blanked, and the text with all but the note blanked.
        Both are as long as `folded`, so places stay valid. The note is blank if the
        text has none.
    """
    description, note = list(folded), [" "] * len(folded)
    described, closed, in_note = False, False, False
    for number, (start, end) in enumerate(_sentences(folded)):
        sentence = folded[start:end]
        cites = any(start <= low < end for low, _ in cited)
        strong = cites or bool(_MEASURE.search(sentence) or _SIDES.search(sentence))
        design = not closed and any(one.search(sentence) for one in _DESIGNS)
        words = len(sentence.split())
        # Grades are short; in a long sentence "fine" is an ordinary word.
        graded = words <= 14 and bool(_GRADE.search(sentence))
        minor = bool(_SURFACE.search(sentence) or _PROVENANCE.search(sentence))
        if in_note:
            belongs = (strong and words <= 12) or (graded and words <= 6)
        else:
            belongs = (
                number == 0
                or not described
                or strong
                or design
                or graded
                or (minor and words <= 18)
                or words <= (_ASIDE_WORDS if closed else _NOTE_WORDS)
            )
        if _SHARE.search(sentence) or (
            described and not strong and _HOUSE.search(sentence)
        ):
            belongs = False
        described |= strong or design or graded
        closed |= cites or graded
        if not belongs:
            in_note |= described
            description[start:end] = " " * (end - start)
            note[start:end] = folded[start:end]
    return "".join(description), "".join(note)


def _sentences(folded: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end."""
    spans, start = [], 0
    for match in _BREAK.finditer(folded):
        if match[0].startswith("."):
            word = _LAST_WORD.search(folded, start, match.start())
            last = word[1] if word and word.end() == match.start() else ""
            if last and (len(last) < 3 or last in _ABBREVIATIONS):
                if not re.fullmatch(r"vf|ef|xf|ss|vz|tb|bb|bc", last):
                    continue
            elif re.fullmatch(r"[ivx]+", last):
                continue
        spans.append((start, match.end()))
        start = match.end()
    if start < len(folded):
        spans.append((start, len(folded)))
    return spans
