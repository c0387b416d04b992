"""The rulers, and how they are looked up.

A photo shows the name on the coin. The ruler is an attribution of that name, and
attributions have changed (see `Ruler.attributions`).
"""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType
from typing import Final

from coin_core.errors import UnknownRulerError
from coin_core.rulers.label_words import DOUBT_WORDS, NUMERAL
from coin_core.rulers.records import Ruler

_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "і": "i", **dict.fromkeys("’‘ʼ׳`´", "'")}
)
_YEARS: Final = re.compile(
    r"(?:[ ,(-]*(?:\d{2,3}|c|ca|bc|bce|b|e|v|chr|av|j|a|до|н|э))*\W*"
)
"""Years of the reign after a name, such as "(103-76 BCE)"."""

_rulers: dict[str, Ruler] = {}
_ruler_of_alias: dict[str, str] = {}
_name_of_alias: dict[str, tuple[str, str]] = {}

RULERS: Final = MappingProxyType(_rulers)
"""Ruler by key, in the order of the reigns."""


def register_ruler(ruler: Ruler) -> None:
    """Add a ruler; each file of this package calls it once.

    Raises:
        ValueError: The key, or one of the names, belongs to another ruler.
    """
    if ruler.key in _rulers:
        raise ValueError(f"A ruler with the key {ruler.key!r} is registered already.")
    names = {fold(text): ruler.key for text in _names_of(ruler)}
    names_on_coin = {
        fold(text): (form, ruler.key) for form, text in _names_on_coin_of(ruler)
    }
    for alias in (*names, *names_on_coin):
        if (owner := _find(alias)) is not None:
            raise ValueError(f"{alias!r} names both {owner} and {ruler.key}.")
    _ruler_of_alias.update(names)
    _name_of_alias.update(names_on_coin)
    ordered = sorted(
        (*_rulers.values(), ruler), key=lambda one: (one.reign_from, one.reign_to)
    )
    _rulers.clear()
    _rulers.update({one.key: one for one in ordered})


def get_ruler(key: str) -> Ruler:
    """Return the ruler with a key such as "alexander_jannaeus".

    Raises:
        UnknownRulerError: No ruler has that key.
    """
    try:
        return _rulers[key]
    except KeyError:
        raise UnknownRulerError(
            f"No ruler is known as {key!r}; known are {', '.join(_rulers)}."
        ) from None


def find_ruler(text: str) -> str | None:
    """Return the key of the ruler that a folder name or a table cell names, or None.

    The ruler's name and the name on the coins are recognised, as in texts of lots: in
    English, German, French, Italian, Spanish, Russian and Hebrew. An ambiguous name,
    such as "Hyrcanus" alone, and a name in doubt, such as "Jannaeus?", give None.
    """
    return _read_ruler(text) if _without_doubt(text) is None else None


def find_doubtful_ruler(text: str) -> str | None:
    """Return the key of the ruler that a text names in doubt, or None.

    "Jannaeus?", "probably Hyrcanus I" and "wohl Jannaeus" are in doubt.
    """
    rest = _without_doubt(text)
    return None if rest is None else _read_ruler(rest)


def _without_doubt(text: str) -> str | None:
    """The text without its words of doubt, or None if it has none."""
    plain = _plain(text)
    rest = DOUBT_WORDS.sub(" ", plain)
    return None if rest == plain else rest


def _read_ruler(text: str) -> str | None:
    on_coin = _match_on_coin(text)
    return _find(fold(text)) or _match_name(text) or (on_coin[1] if on_coin else None)


def _match_name(text: str) -> str | None:
    """The ruler whose whole name, with its numeral and years, a text is."""
    words = _spaced(text)
    keys = set()
    for ruler in _rulers.values():
        names = ruler.label_words
        found = re.match(names.name, words)
        if found is None:
            continue
        end = found.end()
        numeral = NUMERAL.match(words, end)
        if names.namesake and not numeral:
            if not re.search(names.full_name, found[0]):
                continue
        elif numeral and numeral[1]:
            continue
        rest = words[numeral.end() if numeral else end :]
        years = {int(year) for year in re.findall(r"\d+", rest)}
        reign = range(-ruler.reign_to - 1, -ruler.reign_from + 2)
        if _YEARS.fullmatch(rest) and years <= set(reign):
            keys.add(ruler.key)
    return keys.pop() if len(keys) == 1 else None


def _match_on_coin(text: str) -> tuple[str, str] | None:
    """The form of the name on the coins that a text is, and its ruler."""
    words = _spaced(text)
    found = {
        (name.form, ruler.key)
        for ruler in _rulers.values()
        for name in ruler.names_on_coin
        if any(re.fullmatch(pattern, words) for pattern in name.patterns)
    }
    return found.pop() if len(found) == 1 else None


def _find(folded: str) -> str | None:
    on_coin = _name_of_alias.get(folded)
    return _ruler_of_alias.get(folded) or (on_coin[1] if on_coin else None)


def find_name_on_coin(text: str) -> str | None:
    """Return the usual form of a name on coins, such as "yonatan", or None.

    A name in doubt, such as "Yonatan?", gives None.
    """
    if _without_doubt(text) is not None:
        return None
    found = _name_of_alias.get(fold(text)) or _match_on_coin(text)
    return found[0] if found else None


def fold(text: str) -> str:
    """Return a name without case, accents, vowel points, punctuation and numbering."""
    return _join_words(re.sub(r"[\W_]+", " ", _plain(text)))


def _spaced(text: str) -> str:
    """Like `fold`, with the marks that belong to numerals: "1-й", "א'"."""
    return _join_words(re.sub(r"[^\w'\"-]+|_+|(?<=\s)-|-(?=\s)", " ", _plain(text)))


def _plain(text: str) -> str:
    """A text in lower case, without accents and vowel points."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _join_words(text: str) -> str:
    words = text.split()
    if len(words) > 1 and words[0].isdigit():  # "01 Yehohanan", as folders are sorted
        words = words[1:]
    return " ".join(words)


def _names_of(ruler: Ruler) -> tuple[str, ...]:
    return (ruler.key, ruler.name, ruler.name_hebrew, *ruler.aliases)


def _names_on_coin_of(ruler: Ruler) -> list[tuple[str, str]]:
    """Pairs of the usual form of a name on the coins and one way to write it."""
    main = fold(ruler.name_on_coin)
    spelled = (main, ruler.name_hebrew_on_coin, ruler.letters_transliterated)
    pairs = [(main, text) for text in spelled]
    for name in ruler.names_on_coin:
        pairs += [(name.form, text) for text in (name.form, *name.aliases)]
    return pairs
