"""Guess the code page of names and tables that do not say it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import pairwise

ZIP_CODE_PAGES: Mapping[str, str] = {
    "cp862": "HEBREW",
    "cp1255": "HEBREW",
    "cp866": "CYRILLIC",
    "cp437": "LATIN",
}
"""Code pages of file names in ZIP archives, with the script that each is used for."""

TABLE_CODE_PAGES: Mapping[str, str] = {
    "cp1255": "HEBREW",
    "cp862": "HEBREW",
    "cp1251": "CYRILLIC",
    "cp866": "CYRILLIC",
    "cp1252": "LATIN",
}
"""Code pages of CSV tables, with the script that each is used for."""

_SAMPLE_BYTES = 100_000
_FINAL_LETTERS = frozenset("ךםןףץ")


def guess_code_page(data: bytes, code_pages: Mapping[str, str]) -> str | None:
    """Choose the code page in which the bytes above 127 are letters of its script.

    Args:
        data: Text in an unknown encoding.
        code_pages: Code page to script. Of equal ones the first is chosen, and the
            last if none gives letters.

    Returns:
        A code page, or None if none has all the bytes.
    """
    lines = (line for line in data.splitlines() if not line.isascii())
    sample = b"\n".join(lines)[:_SAMPLE_BYTES]
    scores: dict[str, int] = {}
    for code_page, script in code_pages.items():
        try:
            scores[code_page] = _score(sample.decode(code_page), script)
        except UnicodeDecodeError:
            continue
    if not scores:
        return None
    best = max(scores, key=scores.__getitem__)
    last = list(scores)[-1]
    return last if scores[last] == scores[best] <= 0 else best


def _score(text: str, script: str) -> int:
    """Letters in words of the script, less the characters that do not fit."""
    score = 0
    for word in _words(text):
        foreign = [sign for sign in word if sign > "\x7f"]
        if _fits(word, script):
            # One letter alone, and a Latin word of accents only, are no evidence.
            is_evidence = len(word) > 1 and (
                script != "LATIN" or word != "".join(foreign)
            )
            score += len(foreign) if is_evidence else 0
        else:
            score -= len(foreign)
    # Lines of boxes, mathematical signs and control characters are in no text.
    return score - sum(
        sign > "\x7f"
        and unicodedata.category(sign) in ("So", "Sm", "Cc", "Co")
        and sign not in "°±×÷©®"
        for sign in text
    )


def _words(text: str) -> Iterator[str]:
    """The runs of letters and combining marks that have characters above 127."""
    spaced = "".join(
        sign if sign.isalpha() or unicodedata.combining(sign) else " " for sign in text
    )
    return (word for word in spaced.split() if not word.isascii())


def _fits(word: str, script: str) -> bool:
    """Whether a word is written in a script, with its letters where they may be."""
    if not all(unicodedata.name(sign, "").startswith(script) for sign in word):
        return False
    if script == "HEBREW":
        inside = not _FINAL_LETTERS.intersection(word[:-1])
        return inside and not unicodedata.combining(word[0])
    # A capital behind a small letter: the bytes belong to another code page.
    return not any(a.islower() and b.isupper() for a, b in pairwise(word))
